"""Learn to tell malignant from benign tumors from their cell nuclei: logistic regression, by its own gradient descent.

    python train.py [--epochs 400] [--pause 0]

It goes on from its last checkpoint wherever it is begun, saves its work when it is told to end and asks for another
turn (exit code 99), and ends with the same numbers however often it was interrupted. Data: ehr-alliance-wdbc.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

DATA = Path(os.environ.get("WDBC", "/data/ehr-alliance-wdbc/breast_cancer.csv"))
CHECKPOINT = Path(os.environ["CHECKPOINT_DIR"]) / "state.npz"
RESULTS = Path(os.environ["RESULTS_DIR"])
PROGRESS = Path(os.environ["PROGRESS_FILE"])
SEED = int(os.environ.get("CAIA_SEED", "0"))
AGAIN = 99
EVERY = 5  # epochs between two checkpoints


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of the training and the test part, standardised, and the class: 1 is malignant."""
    table = np.loadtxt(DATA, delimiter=",", skiprows=1)
    order = np.random.default_rng(SEED).permutation(len(table))
    features, labels = table[order, :-1], 1 - table[order, -1]
    cut = len(table) * 3 // 4
    mean, spread = features[:cut].mean(0), features[:cut].std(0)
    features = np.column_stack([(features - mean) / spread, np.ones(len(table))])
    return features[:cut], labels[:cut], features[cut:], labels[cut:]


def save(epoch: int, weights: np.ndarray) -> None:
    """Keep where we are, whole or not at all."""
    fresh = CHECKPOINT.with_suffix(".new.npz")
    np.savez(fresh, epoch=epoch, weights=weights)
    os.replace(fresh, CHECKPOINT)


def load(size: int) -> tuple[int, np.ndarray]:
    """Where we were; else the beginning."""
    if CHECKPOINT.exists():
        kept = np.load(CHECKPOINT)
        print(f"going on after epoch {int(kept['epoch'])}", flush=True)
        return int(kept["epoch"]), kept["weights"]
    return 0, np.random.default_rng(SEED).normal(0, 0.01, size)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--epochs", type=int, default=400)
    words.add_argument("--pause", type=float, default=0.0, help="seconds between two epochs")
    asked = words.parse_args()
    is_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: is_to_end.append(True))

    x, y, x_test, y_test = data()
    epoch, weights = load(x.shape[1])
    while epoch < asked.epochs:
        guess = 1 / (1 + np.exp(-x @ weights))
        loss = -np.mean(y * np.log(guess + 1e-12) + (1 - y) * np.log(1 - guess + 1e-12))
        weights = weights - 0.5 * (x.T @ (guess - y) / len(y) + 1e-3 * weights)
        epoch += 1
        print(f"epoch {epoch} loss {loss:.6f}", flush=True)
        with PROGRESS.open("a") as file:
            file.write(json.dumps({"step": epoch, "total": asked.epochs, "loss": round(float(loss), 6)}) + "\n")
        if epoch % EVERY == 0 or is_to_end:
            save(epoch, weights)
        if is_to_end:
            print("asked to end: saved", flush=True)
            sys.exit(AGAIN)
        time.sleep(asked.pause)

    accuracy = float(np.mean((x_test @ weights > 0) == (y_test == 1)))
    RESULTS.joinpath("model.json").write_text(json.dumps({"weights": weights.tolist(), "accuracy": accuracy}))
    print(f"accuracy {accuracy:.4f}")


main()
