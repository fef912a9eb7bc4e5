"""Starts LocalStack with its objects beside the rest of its state: python -m localstack_process

The folder that it would take is one for all LocalStacks of a machine, and the first to end empties it.
"""

import os

from localstack import config
from localstack.runtime.main import main
from localstack.services.s3 import provider

if __name__ == "__main__":
    provider.DEFAULT_S3_TMP_DIR = os.path.join(config.dirs.tmp, "s3")
    main()
