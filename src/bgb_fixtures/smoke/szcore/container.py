"""Run a container image on one recording, in the same way as the SzCORE benchmark.

Invariant: the container sees only one EDF file of this machine, has no network, and is
removed whatever happens.

References
----------
The workflow that runs submitted images, https://github.com/esl-epfl/szcore
(.github/workflows/2-algorithm-evaluation.yml): ``docker run -e INPUT=... -e OUTPUT=...
-v ./predictions:/output:rw -v ./data:/data:ro --network none IMAGE``, with an output
file that exists and that anyone may write.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

from bgb_fixtures.smoke.report import Failed, Skipped
from bgb_fixtures.smoke.szcore.program import run_process

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_engine", "pull_image", "run_container"]

ENGINES = ("docker", "podman")
ANSWER_S = 30.0
"""Seconds for an engine to respond."""
PULL_S = 3600.0


def find_engine() -> str:
    """Return the container engine of this machine; skip the checks if there is none."""
    reasons = []
    for engine in ENGINES:
        if shutil.which(engine) is None:
            continue
        try:
            # The Docker client may be installed without a running daemon.
            run_process([engine, "info"], place="", time_limit=ANSWER_S)
        except Failed as failed:
            reasons.append(f"`{engine} info` {failed.reason}")
        else:
            return engine
    reason = "; ".join(reasons) or f"no {' or '.join(ENGINES)} on the PATH"
    msg = f"containers cannot be run on this machine: {reason}"
    raise Skipped(msg)


def pull_image(engine: str, image: str) -> None:
    """Pull an image unless it is on this machine; the download has no time limit."""
    known = subprocess.run(
        [engine, "image", "inspect", image],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if known.returncode == 0:
        return
    try:
        run_process([engine, "pull", image], place="", time_limit=PULL_S)
    except Failed as failed:
        msg = f"image {image!r} cannot be pulled: `{engine} pull` {failed.reason}"
        raise Failed(msg) from failed


def run_container(
    engine: str, image: str, edf: Path, tsv: Path, *, time_limit: float
) -> None:
    """Run an image that reads ``/data/$INPUT`` and writes ``/output/$OUTPUT``.

    Raises Failed if it does not return in time, exits with a nonzero code or writes
    nothing.
    """
    data, output = (tsv.with_suffix("") / name for name in ("data", "output"))
    for folder, mode in ((data, 0o755), (output, 0o777)):
        folder.mkdir(parents=True)
        folder.chmod(mode)
    shown = data / edf.name
    shutil.copyfile(edf, shown)
    shown.chmod(0o644)
    # The user in the container is not the current user.
    written = output / tsv.name
    written.touch()
    written.chmod(0o666)
    name = f"bgb-fixtures-{os.getpid()}-{secrets.token_hex(4)}"
    words = [
        *(engine, "run", "--rm", "--name", name, "--network", "none"),
        *("-e", f"INPUT={edf.name}", "-e", f"OUTPUT={tsv.name}"),
        *("-v", f"{data}:/data:ro", "-v", f"{output}:/output:rw"),
        image,
    ]
    try:
        run_process(words, place=edf.name, time_limit=time_limit)
    finally:
        # Killing the client does not stop the container.
        subprocess.run(
            [engine, "rm", "--force", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    if not written.stat().st_size:
        msg = "ended with exit code 0, but wrote nothing to /output/$OUTPUT"
        raise Failed(msg, place=edf.name)
    shutil.copyfile(written, tsv)
