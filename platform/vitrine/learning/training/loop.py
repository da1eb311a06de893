"""The run itself: steps, averages, checkpoints and looks at held-out pictures."""

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from timm.utils import ModelEmaV3

from vitrine.embedding.registry import InstalledModel
from vitrine.errors import Invalid
from vitrine.learning.training.augment import augment, cut_mix
from vitrine.learning.training.checkpoint import (
    Checkpoint,
    check_pictures,
    load_checkpoint,
    save_checkpoint,
)
from vitrine.learning.training.device import commit
from vitrine.learning.training.discriminants import project_by_discriminants
from vitrine.learning.training.held_out import Task, recall_at_1
from vitrine.learning.training.log import Log
from vitrine.learning.training.losses import PairLosses, normalised_softmax, two_views
from vitrine.learning.training.network import (
    Network,
    parameter_groups,
    specification,
)
from vitrine.learning.training.pool import Part, Pool, Source
from vitrine.learning.training.recipe import Recipe, Stage
from vitrine.learning.training.schedule import Leg, learning_rate, legs
from vitrine.learning.training.start import begin_with

_SAVE_SECONDS = 120.0
_LOG_STEPS = 20


@dataclass(frozen=True)
class State:
    """Where a run is, for whoever shows it."""

    step: int
    steps: int
    side: int
    loss: float
    images_per_second: float
    recalls: dict[str, float]
    looked: bool


Listener = tuple[Callable[[str], object], Callable[[State], object]]
"""Whom a run tells what it does, in a sentence, and how far it is."""


class _Interrupts:
    """Holds Ctrl-C back while a step is half made; a second one is not held."""

    def __init__(self) -> None:
        self.wanted = False

    def __enter__(self) -> "_Interrupts":
        self._before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.wanted = True
        signal.signal(number, self._before)

    def __exit__(self, *error: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)


class Run:
    """One recipe on one device, in one folder; `finish` trains what is left of it."""

    def __init__(  # what a run is made of, once
        self,
        recipe: Recipe,
        sources: Sequence[Source],
        tasks: Sequence[Task],
        folder: Path,
        device: str,
        listener: Listener,
    ) -> None:
        self._recipe, self._folder, self._device = recipe, folder, device
        self._sources, self._tasks = sources, tasks
        self._say, self._show = listener
        torch.manual_seed(recipe.seed)
        labels = {s.key: s.label_count for s in sources if not s.dataset.self_supervised}
        self._network = Network(specification(recipe), labels)
        self._network.to(device, memory_format=torch.channels_last)
        optimiser = recipe.optimiser
        self._average = ModelEmaV3(self._network, decay=optimiser.ema_decay, use_warmup=True)
        self._optimiser = torch.optim.AdamW(
            parameter_groups(self._network, optimiser.weight_decay), lr=optimiser.learning_rate
        )
        self._pair_losses = PairLosses(recipe.losses)
        self._random = torch.Generator(device)
        self._legs = legs(recipe, sum(len(one.labels) for one in sources))
        self._log = Log(
            folder / "log.csv",
            ["step", "side", "learning_rate", "loss", "images_per_second"]
            + [task.held_out.title for task in tasks],
        )
        self._recalls: dict[str, float] = {}
        self._step = 0
        self._commit = commit()
        self._pictures = {
            f"{one.dataset.folder} (data set {at})": _digest(one)
            for at, one in enumerate(sources, start=1)
        }
        self._saved = time.monotonic()
        self._interrupts = _Interrupts()
        self._resume()

    @property
    def step(self) -> int:
        return self._step

    @property
    def recalls(self) -> dict[str, float]:
        """R@1 of the held-out searches at the last look."""
        return dict(self._recalls)

    @property
    def commit(self) -> str:
        """The code that the run was begun with."""
        return self._commit

    def _resume(self) -> None:
        found = load_checkpoint(self._folder, self._recipe)
        if found is None:
            self._log.drop_after(0)
            return
        check_pictures(found, self._pictures)
        self._commit, self._recalls = found.commit, dict(found.recalls)
        self._network.load_state_dict(found.network)
        self._average.module.load_state_dict(found.average)
        self._optimiser.load_state_dict(found.optimiser)
        self._step = found.step
        self._log.drop_after(found.step)
        self._say(f"going on after step {found.step}")

    def start_from(self, model: InstalledModel) -> None:
        """Begin with the weights of a model, unless the run is under way. Raises Invalid."""
        if self._step == 0:
            begin_with(self._network, model, self._sources, self._recipe.network.forget)
            self._average.module.load_state_dict(self._network.state_dict())

    def finish(self) -> Network:
        """Train to the end and return the averaged network.

        Ctrl-C ends the step that is being made, saves, and raises KeyboardInterrupt.
        """
        with _Interrupts() as self._interrupts:
            for leg in self._legs:
                if self._step < leg.end:
                    self._train(leg)
        self._save()
        if self._recipe.network.discriminants:
            self._project()
        averaged: Network = self._average.module.eval().cpu()
        return averaged

    def _project(self) -> None:
        self._say("projecting by linear discriminants")
        shrinkage = self._recipe.network.discriminants
        project_by_discriminants(self._average.module, self._sources, shrinkage, self._device)
        self._look()
        found = [f"{title} {recall:.3f}" for title, recall in self._recalls.items()]
        self._say(", ".join(["projected", *found]))

    def _train(self, leg: Leg) -> None:
        stage = leg.stage
        pool = Pool(self._sources, self._recipe, stage.side, self._device, self._say)
        epoch = (leg.end - leg.start) / stage.epochs
        look = max(1, round(epoch * self._recipe.evaluate_every))
        total, counted, began = torch.zeros((), device=self._device), 0, time.perf_counter()
        while self._step < leg.end:
            total += self._one_step(pool, stage)
            counted += 1
            self._step += 1
            last = self._step == leg.end
            looking = self._step % look == 0 or last
            if self._step % _LOG_STEPS == 0 or looking:
                self._refuse(total)
                loss = float(total) / counted
                rate = counted * stage.batch / (time.perf_counter() - began)
                self._tell(stage, loss, rate, looking)
                total.zero_()
                counted, began = 0, time.perf_counter()
            if self._interrupts.wanted or time.monotonic() - self._saved > _SAVE_SECONDS:
                self._refuse(total)
                self._save()
            if self._interrupts.wanted:
                raise KeyboardInterrupt

    def _refuse(self, loss: Any) -> None:
        """A run that computes with nothing any more must not replace its last good checkpoint."""
        if not torch.isfinite(loss):
            raise Invalid(
                f"The loss is no number any more at step {self._step}: the learning rate is too "
                "high for this recipe. Lower it, and begin again with --fresh."
            )

    def _tell(self, stage: Stage, loss: float, rate: float, looking: bool) -> None:
        if looking:
            self._look()
        row: dict[str, Any] = {
            "step": self._step,
            "side": stage.side,
            "learning_rate": self._rate(),
            "loss": round(loss, 4),
            "images_per_second": round(rate, 1),
        }
        self._log.add(row | (self._recalls if looking else {}))
        steps = self._legs[-1].end
        state = State(self._step, steps, stage.side, loss, rate, dict(self._recalls), looking)
        self._show(state)

    def _look(self) -> None:
        for task in self._tasks:
            recall = recall_at_1(self._average.module, task, self._device)
            self._recalls[task.held_out.title] = recall

    def _one_step(self, pool: Pool, stage: Stage) -> Any:
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        self._random.manual_seed(self._recipe.seed * 1_000_003 + self._step)
        parts = pool.batch(self._step, stage.batch)
        self._network.train()
        loss = self._loss(parts, stage)
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._recipe.optimiser.clip_norm)
        self._optimiser.step()
        self._average.update(self._network, self._step)
        return loss.detach()

    def _loss(self, parts: Sequence[Part], stage: Stage) -> Any:
        """One forward pass over all data sets, so that they share batch statistics."""
        how = self._recipe.losses
        views = [
            augment(part.pictures, stage.side, self._recipe.augmentation, self._random)
            for part in parts
            for _ in range(2 if part.source.dataset.self_supervised else 1)
        ]
        mixed = self._mix(parts, views)
        found = self._embed(self._normalised(torch.cat(views)))
        pieces = iter(found.split([len(view) for view in views]))
        loss = found.new_zeros(())
        pictures = sum(len(part.pictures) for part in parts)
        for part in parts:
            share = len(part.pictures) / pictures
            embeddings = next(pieces)
            if part.source.dataset.self_supervised:
                pairs = two_views(embeddings, next(pieces), how.self_supervised_temperature)
                loss = loss + share * how.self_supervised * pairs
                continue
            cosines = self._network.cosines(part.source.key, embeddings)
            own = normalised_softmax(cosines, part.labels, how)
            if mixed is not None:
                kept = mixed[part.source.key]
                other = normalised_softmax(cosines, part.labels.roll(1, 0), how)
                loss = loss + share * (kept * own + (1 - kept) * other).mean()
                continue
            loss = loss + share * (own.mean() + self._pair_losses(embeddings, part.labels))
        return loss

    def _mix(self, parts: Sequence[Part], views: list[Any]) -> dict[str, Any] | None:
        """In some batches, lay a box of another picture over each that has a label.

        Gives the share [n] of its own that each kept, by the key of its data set.
        """
        draw = torch.rand((), device=self._device, generator=self._random)
        if draw >= self._recipe.augmentation.cutmix:
            return None
        at, kept = 0, {}
        for part in parts:
            if part.source.dataset.self_supervised:
                at += 2
                continue
            views[at], kept[part.source.key] = cut_mix(views[at], self._random)
            at += 1
        return kept

    def _embed(self, pixels: Any) -> Any:
        # Only the network: views and losses need the digits. bfloat16 takes no loss scaling, and a
        # CPU without it would only be slower.
        device = torch.device(self._device).type
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            return self._network(pixels).float()

    def _normalised(self, views: Any) -> Any:
        how = self._network.spec.preprocessing
        mean = torch.tensor(how.mean, device=self._device)[:, None, None]
        std = torch.tensor(how.std, device=self._device)[:, None, None]
        return ((views - mean) / std).contiguous(memory_format=torch.channels_last)

    def _rate(self) -> float:
        how = self._recipe.optimiser
        return learning_rate(self._step, self._legs[-1].end, how.learning_rate, how.warmup)

    def _save(self) -> None:
        save_checkpoint(
            self._folder,
            self._recipe,
            Checkpoint(
                self._step,
                self._commit,
                self._pictures,
                self._recalls,
                self._network.state_dict(),
                self._average.module.state_dict(),
                self._optimiser.state_dict(),
            ),
        )
        self._saved = time.monotonic()


def _digest(source: Source) -> str:
    """Of the labels and, by shape and a few samples, of the pictures of a data set."""
    digest = hashlib.sha256(repr((source.pixels.shape, source.names)).encode())
    digest.update(source.labels.tobytes())
    step = max(1, len(source.pixels) // 64)
    digest.update(source.pixels[::step].tobytes())
    return digest.hexdigest()
