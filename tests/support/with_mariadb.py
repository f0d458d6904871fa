"""with_mariadb.py COMMAND...: runs the command beside a MariaDB of its own, which QMQ_TEST_MYSQL=host:port names; ends with its exit code."""

import os
import shutil
import subprocess
import sys
import tempfile

from harness import ADDRESS
from mariadb import USER, MariaDb

VARIABLE = "QMQ_TEST_MYSQL"
# Unit tests make a database each; nothing of them outlives the run.
FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-file-per-table=0",
    "--innodb-stats-persistent=0",
    "--performance-schema=0",
)


def main(command):
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # much quicker with hundreds of tables
    directory = tempfile.mkdtemp(prefix="qmq-mariadb-", dir=memory)
    server = MariaDb(directory).start(*FAST)
    try:
        server.sql(f"GRANT ALL ON *.* TO '{USER}'@'%'", "mysql")
        return subprocess.run(command, env={**os.environ, VARIABLE: f"{ADDRESS}:{server.port}"}, check=False).returncode
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
