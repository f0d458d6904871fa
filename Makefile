# The thin front of the build; everything real is in CMakeLists.txt and scripts/.
.PHONY: build quickstart check check-asan check-tsan check-clang check-interop check-package format check-format lint bench dist package fuzz torture windows check-windows clean help

help:
	@echo "make quickstart   install what is missing, build, start standalone, send and receive real messages"
	@echo "make check        install what is missing, run every test this machine can"
	@echo "make build        release build in build/release and the release tree in qmq-dist/target"
	@echo "make windows      cross-build the Windows executables in build/windows; make check-windows runs their tests through Wine"
	@echo "make package      the packages in qmq-dist/target; make check-package installs and tries them"
	@echo "make bench        measure and print figures beside their budgets"
	@echo "make fuzz SECONDS=3600 · make torture DURATION=300 SEED=1 · make format · make dist · make clean"

build:
	@scripts/install-deps.sh build
	@scripts/build.sh release

quickstart: build
	@scripts/quickstart.sh

check:
	@scripts/parts.sh unit integration asan fault tsan interop fuzz clang

check-asan check-tsan check-clang check-interop:
	@scripts/parts.sh $(subst check-,,$@)

format:
	@scripts/install-deps.sh format
	@scripts/format.sh

check-format:
	@scripts/install-deps.sh format
	@scripts/format.sh --check

lint:
	@scripts/install-deps.sh build format
	@scripts/lint.sh

bench: build
	@scripts/bench.sh

dist: build
	@scripts/dist.sh

package: build windows
	@scripts/install-deps.sh package
	@scripts/package.sh

check-package:
	@scripts/parts.sh package

fuzz:
	@scripts/install-deps.sh build check
	@scripts/build.sh fuzz
	@tests/fuzz/run.sh $(or $(SECONDS),3600)

torture: build
	@scripts/torture.sh $(or $(DURATION),300) $(or $(SEED),$$(date +%s)) $(or $(KILLS),10)

windows:
	@scripts/install-deps.sh windows
	@scripts/windows-build.sh

check-windows: build
	@scripts/install-deps.sh windows check-windows interop
	@scripts/windows-check.sh

clean:
	@rm -rf build qmq-dist/target tests/interop/target
