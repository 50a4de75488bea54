#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sequences of the mmap family at random (tests/fuzz/mmap), on Linux and on the kernel. Their
transcripts must be the same. A sequence that differs is shrunk: steps are left out as long as it
still differs, and what is left is printed with the line that repeats it. Steps keep their numbers
and arguments whatever is left out, so a part of a sequence means the same as in the whole."""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from progress import Progress

PROGRAM = harness.built("tests", "fuzz", "mmap")
PER_BOOT = 1000       # jobs; a kernel that stops takes only these with it
SECONDS_PER_JOB = 2  # far more than one takes, so that only a hang is cut off


class Job:
    """A seed, the steps of its sequence, and of these the ones to do (None: all)."""

    def __init__(self, seed, steps, chosen=None):
        self.seed, self.steps, self.chosen = seed, steps, chosen

    def arguments(self):
        words = [str(self.seed), str(self.steps)]
        return words + ([ranges(self.chosen)] if self.chosen is not None else [])

    def with_steps(self, chosen):
        return Job(self.seed, self.steps, chosen)


def ranges(numbers):
    """[1, 2, 3, 5] as 1-3,5."""
    parts = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts) or "none"


def split(output):
    """The transcripts of a run's jobs; the last may be incomplete."""
    return re.split(r"(?m)^== seed .*\n", output.decode(errors="replace"))[1:]


def complete(transcript):
    return re.search(r"(?m)^== status \d+$", transcript) is not None


def with_jobs(jobs, run):
    with tempfile.NamedTemporaryFile("w", prefix="faultline-jobs-") as file:
        file.writelines(" ".join(job.arguments()) + "\n" for job in jobs)
        file.flush()
        return split(run(file.name))


def on_linux(jobs):
    return with_jobs(jobs, lambda path: subprocess.run(
        [PROGRAM, "@" + path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        timeout=30 + SECONDS_PER_JOB * len(jobs), check=False).stdout)


class Kernel:
    """Runs jobs in as few boots as it can: when one stops the kernel, the rest gets another."""

    def __init__(self, options, image=None):
        self.options = options
        self.image = image  # None: the build's own
        self.boots = 0
        self.complaint = ""

    def boot(self, jobs):
        def run(path):
            self.boots += 1
            done = harness.run(PROGRAM, "@/jobs", kernel=self.image, limit=60 + SECONDS_PER_JOB * len(jobs),
                               options=["--file", path + ":/jobs"] + self.options)
            if done.status:
                self.complaint = done.errors.decode(errors="replace")[-3000:]
            return done.output
        return with_jobs(jobs, run)

    def __call__(self, jobs):
        results = []
        while len(results) < len(jobs):
            part = jobs[len(results):len(results) + PER_BOOT]
            got = self.boot(part)
            got = got or [""]
            if not complete(got[-1]):
                got[-1] += "\nthe kernel stopped here\n"
            results += got
        return results


def differing(jobs, kernel):
    """Indices of the jobs whose transcripts differ, with both transcripts."""
    pairs = zip(on_linux(jobs), kernel(jobs))
    return [(i, there, here) for i, (there, here) in enumerate(pairs) if there != here]


def first_difference(there, here):
    """The number of the first step whose line differs; None when that is not a step."""
    step = None
    for line, other in zip(there.splitlines(), here.splitlines() + [""] * 9999):
        number = re.match(r"\d+", line)
        step = int(number[0]) if number else step
        if line != other:
            return step
    return step


def without_parts(chosen, size):
    return [chosen[:at] + chosen[at + size:] for at in range(0, len(chosen), size)]


def shrink(job, kernel, last):
    """Fewer and fewer steps that still differ; all candidates of a round run in one boot."""
    chosen = list(range(job.steps)) if job.chosen is None else job.chosen
    if last is not None:
        short = [step for step in chosen if step <= last]
        chosen = short if differing([job.with_steps(short)], kernel) else chosen
    size = max(len(chosen) // 2, 1)
    while True:
        candidates = [c for c in without_parts(chosen, size) if c]
        found = differing([job.with_steps(c) for c in candidates], kernel)
        if found:
            chosen = candidates[found[0][0]]
            # Several parts that can each be left out often can be left out together.
            left = set(chosen).intersection(*(candidates[i] for i, _, _ in found))
            both = [step for step in chosen if step in left]
            if both and differing([job.with_steps(both)], kernel):
                chosen = both
            size = min(size, max(len(chosen) // 2, 1))
        elif size == 1:
            return job.with_steps(chosen)
        else:
            size //= 2


def show_difference(there, here, out):
    for line, other in zip(there.splitlines(), here.splitlines() + ["(nothing)"] * 9999):
        if line == other:
            print(f"    {line}", file=out)
        else:
            print(f"    Linux: {line}\n    here:  {other}", file=out)
            return


def report(job, kernel, out):
    """Shows a job that differs, with the mappings after each step."""
    there, here = on_linux([job])[0], kernel([job])[0]
    show_difference(there, here, out)
    if "the kernel stopped here" in here:
        print(kernel.complaint, file=out)
    words = " ".join(job.arguments())
    program = os.path.relpath(PROGRAM, harness.ROOT)
    print(f"  repeat with: {program} -v {words}; tools/run {program} -v {words}", file=out)


def check(seeds, steps, kernel, at_most, out=sys.stdout):
    """The seeds whose transcripts differ; the first `at_most` are shrunk and shown."""
    failed = []
    for start in range(0, len(seeds), PER_BOOT):
        jobs = [Job(seed, steps) for seed in seeds[start:start + PER_BOOT]]
        with Progress(f"{start} of {len(seeds)} seeds, {len(failed)} differ"):
            found = differing(jobs, kernel)
        for i, there, here in found:
            failed.append(jobs[i].seed)
            if len(failed) <= at_most:
                print(f"seed {jobs[i].seed} differs; shrinking", file=out, flush=True)
                with Progress(f"shrinking seed {jobs[i].seed}"):
                    shortest = shrink(jobs[i], kernel, first_difference(there, here))
                report(shortest, kernel, out)
    return failed


def parse_seeds(text):
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("seeds", nargs="?", default="1-200", type=parse_seeds, metavar="FIRST[-LAST]")
    add("--steps", type=int, default=80, metavar="N", help="steps of a sequence (default 80)")
    add("--shrink", type=int, default=3, metavar="N", help="how many to shrink (default 3)")
    add("--run", action="append", default=[], metavar="OPTION", help="an option for tools/run")
    asked = parser.parse_args()
    kernel = Kernel(asked.run)
    failed = check(asked.seeds, asked.steps, kernel, asked.shrink)
    print(f"{len(asked.seeds)} seeds of {asked.steps} steps in {kernel.boots} boots: "
          f"{len(failed)} differ" + (": " + ranges(failed) if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
