"""Run the webhook: `python -m webhook run`."""

import sys

from webhook.cli import main

sys.exit(main())
