#!/bin/sh
# Makes qmq-<version>-x64.msi of the release tree for Windows. Two runs for the same source give the same contents and tables.
# usage: package-msi.sh OUTPUT_DIRECTORY     (SOURCE_DATE_EPOCH: what is taken for "now"; QMQ_PACKAGE_VERSION: another version, for tests)
set -eu
cd "$(dirname "$0")/.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
version=${QMQ_PACKAGE_VERSION:-$(scripts/version.sh)}
. packaging/identity.sh
work=$PWD/build/package/msi
tree=$work/tree
msi=$work/qmq-$version-x64.msi
mkdir -p "$work"
scripts/windows-tree.sh "$tree"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# Component codes must stay the same from version to version: they are made of the path.
guid() { # TEXT
    printf 'qmq %s' "$1" | md5sum | sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)\(.\{12\}\).*/\1-\2-\3-\4-\5/' | tr a-f A-F
}

id_of() { # PATH
    echo "$1" | tr -c 'A-Za-z0-9.\n' _
}

# A server is a program with settings: it is registered as a service that is started on demand.
service() { # SERVER
    sed -e "s/@server@/$1/g" packaging/msi/service.wxs.in
}

component() { # FILE below the tree
    id=$(id_of "$1")
    printf '<Component Id="C_%s" Guid="%s" Win64="yes">\n' "$id" "$(guid "$1")"
    printf '<File Id="F_%s" Name="%s" Source="tree/%s" KeyPath="yes" />\n' "$id" "$(basename "$1")" "$1"
    server=$(echo "$1" | sed -n 's|^lib/qmq-\(.*\)\.exe$|\1|p')
    [ ! -f "$tree/bin/${server:-none}-env.cmd" ] || service "$server"
    echo '</Component>'
}

# Settings belong to the administrator: never overwritten, never removed (256 is 64 bit, 128 never overwrite, 16 permanent).
settings() {
    (cd "$tree" && find conf -name '*.properties' && find bin -name '*-env.cmd') | LC_ALL=C sort
}

files=$(cd "$tree" && find . -type f | sed 's|^\./||' | LC_ALL=C sort)
{
    sed -e "s/@version@/$version/" -e "s/@manufacturer@/$manufacturer/" -e "s/@product@/$(guid "product $version")/" packaging/msi/head.wxs.in
    for file in $files; do case $file in */*) ;; *) component "$file" ;; esac done
    for directory in $(cd "$tree" && find . -mindepth 1 -maxdepth 1 -type d | sed 's|^\./||' | LC_ALL=C sort); do
        printf '<Directory Id="D_%s" Name="%s">\n' "$directory" "$directory"
        for file in $files; do case $file in "$directory"/*) component "$file" ;; esac done
        echo '</Directory>'
    done
    echo '</Directory></Directory></Directory>'
    echo '<Feature Id="Main" Title="QMQ" Level="1">'
    echo '<ComponentRef Id="C_where" />'
    for file in $files; do printf '<ComponentRef Id="C_%s" />\n' "$(id_of "$file")"; done
    echo '</Feature></Product></Wix>'
} >"$work/qmq.wxs"

# wixl warns about what it leaves out and succeeds.
if ! (cd "$work" && wixl -a x64 -o "$msi" qmq.wxs) >"$work/wixl.log" 2>&1 || [ -s "$work/wixl.log" ]; then
    cat "$work/wixl.log" >&2
    echo "package-msi: wixl did not take $work/qmq.wxs as it is" >&2
    exit 1
fi
for file in $(settings); do
    msibuild "$msi" -q "UPDATE \`Component\` SET \`Attributes\` = 400 WHERE \`Component\` = 'C_$(id_of "$file")'"
done
msibuild "$msi" -q "UPDATE \`Property\` SET \`Value\` = 'WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;INSTALLDIR' WHERE \`Property\` = 'SecureCustomProperties'"
mv "$msi" "$out/"
echo "$out/qmq-$version-x64.msi"
