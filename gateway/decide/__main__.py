"""`python -m gateway.decide URL`: give a fresh OPA server the policies and catalogue of the distribution, for local cities."""

import sys
import time

from catalog.load import load_catalogue
from gateway.decide.bundle import load_bundle
from gateway.decide.opa_server import provision
from gateway.errors import Unavailable

SECONDS_MAX = 20.0


def main(url: str) -> None:
    """Upload as soon as the server answers."""
    bundle, deadline = load_bundle(catalogue=load_catalogue()), time.monotonic() + SECONDS_MAX
    while True:
        try:
            provision(url, bundle=bundle)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            print(f"READY {bundle.revision}", flush=True)
            return


if __name__ == "__main__":
    main(sys.argv[1])
