"""Make an incident: keep every core busy for a while, and say what should happen meanwhile."""

import multiprocessing
import os
import time

SECONDS = 90


def _burn(until: float) -> None:
    while time.monotonic() < until:
        pass


def main() -> None:
    """Burn, then end."""
    cores = os.cpu_count() or 1
    print(
        f"keeping {cores} cores busy for {SECONDS} s; within a minute the log of `make run` and\n"
        "the page of the webhook show AnomalyDetected for node_cpu_busy on this-machine"
    )
    if os.getloadavg()[0] > cores / 2:
        print(
            "this machine is busy already: the rise is smaller, perhaps too small to be told; "
            "better when it is idle"
        )
    until = time.monotonic() + SECONDS
    burners = [multiprocessing.Process(target=_burn, args=(until,)) for _ in range(cores)]
    for burner in burners:
        burner.start()
    for burner in burners:
        burner.join()
    print("done; the alert is resolved two to three minutes from now")


if __name__ == "__main__":
    main()
