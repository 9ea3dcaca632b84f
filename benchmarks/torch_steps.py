"""The hooks on the real PyTorch, which is too large to be a dependency of the tests.

Its optimizers train a small model in an environment of its own: each step has to be one step of the
record with its loss, the trained parameters have to be the same to the last bit with and without
the hooks, and none may be left behind. Then processor time of a step, in pairs of blocks with and
without, of the whole process. Downloads some 3 GB, keeps nothing.

Usage: python benchmarks/torch_steps.py [PYTHON]   (an interpreter that has torch and this package)
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

WORK = """
import gc, statistics, sys, time
import qgm_observe as qgm
qgm.instrument(model="m")
import torch
from torch.optim.optimizer import _global_optimizer_post_hooks as after
from torch.optim.optimizer import _global_optimizer_pre_hooks as before
from qgm_observe.journal import open_journal

def train(kind, steps, **options):
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))
    optimizer = kind(model.parameters(), **options)
    data, told = torch.randn(256, 16), []
    wanted = data.sum(1, keepdim=True)
    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(data), wanted)
        loss.backward()
        told.append(loss.item())
        return loss
    for _ in range(steps):
        if kind is torch.optim.LBFGS:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    return [p.detach().clone() for p in model.parameters()], told

def seen(path):
    qgm.flush()
    with open_journal(path, read_only=True) as journal:
        return [e.body for e in journal.events(verbs=("finished",), nouns=("step",))]

path, known = sys.argv[1], 0
print("torch", torch.__version__)
cases = ((torch.optim.SGD, 20, {"lr": 0.01}), (torch.optim.Adam, 20, {"lr": 0.01}),
         (torch.optim.LBFGS, 3, {"lr": 0.5, "max_iter": 4}))
for kind, steps, options in cases:
    qgm.instrument()
    hooked, losses = train(kind, steps, **options)
    bodies = seen(path)[known:]
    known += len(bodies)
    qgm.uninstrument()
    plain, _ = train(kind, steps, **options)
    same = all(torch.equal(a, b) for a, b in zip(hooked, plain))
    told = [b.get("loss") for b in bodies]
    right = told == losses if kind is not torch.optim.LBFGS else set(told) <= set(losses)
    left = len(before) + len(after)
    print(f"{kind.__name__:6} steps {steps:3} recorded {len(bodies):3} losses as told {right} "
          f"same parameters {same} hooks left {left}")

def spent(steps):
    gc.collect()
    began = time.process_time()
    train(torch.optim.Adam, steps, lr=0.01)
    qgm.flush()
    return (time.process_time() - began) / steps * 1e6

torch.set_num_threads(1)
pairs = []
for number in range(41):
    took = {}
    for hooked in (number % 2, not number % 2):
        (qgm.instrument if hooked else qgm.uninstrument)()
        took[bool(hooked)] = spent(200)
    pairs.append((took[False], took[True]))
plain, hooked = (statistics.median(each) for each in zip(*pairs))
added = sorted(after - before for before, after in pairs)
more = f"{statistics.median(added):.0f} us more (95 %: {added[14]:.0f} to {added[26]:.0f})"
print(f"Adam step {plain:.0f} us, with hooks {hooked:.0f} us: {more}")
"""


def environment(folder: Path) -> Path:
    """Make an environment with PyTorch and this package; returns its interpreter."""
    uv, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    variables = {**os.environ, "UV_CACHE_DIR": str(folder / "cache")}
    for words in (
        ["venv", "--quiet", "--python", sys.executable, folder],
        ["pip", "install", "--quiet", "--python", python, "torch", "numpy", "--editable", ROOT],
    ):
        subprocess.run([uv, *words], check=True, env=variables)
    return python


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="qgm-torch-") as name:
        folder = Path(name)
        python = Path(sys.argv[1]) if sys.argv[1:] else environment(folder / "venv")
        journal = folder / "journal.db"
        variables = {"QGM_OBSERVE_JOURNAL": str(journal), "QGM_OBSERVE_DETAIL_RATE": "1e9"}
        subprocess.run(
            [python, "-W", "ignore", "-c", WORK, journal],
            check=True,
            env={**os.environ, **variables, "OMP_NUM_THREADS": "1"},
        )


if __name__ == "__main__":
    main()
