"""One process that does one thing with PyTorch, so that its peak memory is its own and rounds can be interleaved.

    python bench/peers/peer.py ROLE < commands > answers

The first line of stdin is the case, each further line a command; each command gets one line of stdout, all JSON:

    {"do": "ready"}            -> versions, once the model and its data are loaded
    {"do": "agree"}            -> {"loss", "norm"} of one step with dropout off from the given weights; nothing is kept
    {"do": "run", "count": n}  -> {"ms": [n times], ...}
    {"do": "close"}            -> {"peakMiB", "cpuSeconds"}, and the process ends

Roles, cases and choices: notes.md.
"""

import json
import math
import os
import resource
import shutil
import sys
import tempfile
import time

# stdout is for answers alone: what libraries print goes to stderr.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# A compiler's cache of its own: otherwise a second run would find the first one's kernels, and compileMs mean nothing.
scratch = tempfile.mkdtemp(prefix="peer-")
os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(scratch, "inductor")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

SEED = 1
# A window of batches that are sorted by length together, as in src/train.
WINDOW = 50


def now():
    return time.perf_counter() * 1000


# --- models -----------------------------------------------------------------------------------------------------------


def configOf(config):
    config = dict(config)
    return AutoConfig.for_model(config.pop("model_type"), **config)


def modelOf(auto, config, weights=None, attention="sdpa"):
    """The model, and what else the weights' file holds."""
    torch.manual_seed(SEED)
    model = auto.from_config(configOf(config), attn_implementation=attention)
    if weights is None:
        return model, {}
    tensors = load_file(weights)
    names = set(dict(model.named_parameters()))
    own = {name: t for name, t in tensors.items() if name in names}
    if names != set(own):
        raise ValueError(f"{weights} lacks {sorted(names - set(own))}")
    model.load_state_dict(own, strict=False)
    return model, {name: t for name, t in tensors.items() if name not in names}


def optimizerOf(case, named, implementation=None):
    """AdamW, without decay on biases, norms and projections of hidden states."""
    decayed = lambda name, p: p.dim() > 1 and "norm" not in name.lower() and not name.startswith("projection")
    groups = [
        {"params": [p for n, p in named if decayed(n, p)], "weight_decay": case["weightDecay"]},
        {"params": [p for n, p in named if not decayed(n, p)], "weight_decay": 0.0},
    ]
    # Measured on this kind of machine: notes.md.
    implementation = implementation or case.get("optimizer", "fused")
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=case["rate"], **{implementation: True})


def layerPairs(layerMap, layers):
    """src/methods/layer-map.ts, for hidden states: 0 is the embedding output."""
    student, teacher = layers["student"], layers["teacher"]
    name = layerMap.get("type") if isinstance(layerMap, dict) else layerMap
    if name == "last":
        return [(student, teacher)]
    if name == "uniform":
        assert teacher % student == 0
        return [(i, i * (teacher // student)) for i in range(student + 1)]
    return [tuple(pair) for pair in layerMap]


def pairsOf(case):
    found = [layerPairs(o["layer_map"], case["fit"]["layers"]) for o in case["objectives"] if o["type"] == "hidden-states"]
    return found[0] if found else []


class Collector:
    """Hidden states of chosen layers by hooks.

    transformers' own output_hidden_states=True takes a lock and hooks of its own, at which torch.compile has to break
    the graph (notes.md). Eagerly both do the same.
    """

    def __init__(self, bert, layers):
        self.states = {}
        for layer in layers:
            module = bert.embeddings if layer == 0 else bert.encoder.layer[layer - 1]
            module.register_forward_hook(self.hook(layer))

    def hook(self, layer):
        def keep(module, inputs, output):
            self.states[layer] = output

        return keep


class Distillation(nn.Module):
    """The student with its projections; computes the weighted sum of a stage's objectives, as src/methods has them."""

    def __init__(self, case):
        super().__init__()
        self.model, rest = modelOf(
            AutoModelForSequenceClassification, case["config"], case.get("weights"), case.get("attention", "sdpa")
        )
        self.objectives = case["objectives"]
        self.pairs = pairsOf(case)
        self.collector = Collector(self.model.bert, [s for s, _ in self.pairs])
        shape = (case["fit"]["teacherHidden"], case["fit"]["studentHidden"]) if self.pairs else None
        # As in transformers' and our initialization.
        given = lambda name: nn.Parameter(rest[name] if name in rest else torch.randn(shape) * 0.02)
        shared = any(o.get("projection") == "shared" for o in self.objectives)
        names = [] if not self.pairs else ["projection"] if shared else [f"projection.{i}" for i in range(len(self.pairs))]
        self.projections = nn.ParameterList([given(name) for name in names])

    def named(self):
        own = [(f"projection.{i}", p) for i, p in enumerate(self.projections)]
        return [*self.model.named_parameters(), *own]

    def forward(self, batch):
        # A new one, not cleared: torch.compile would compile again for one that it finds filled.
        self.collector.states = {}
        logits = self.model(input_ids=batch["ids"], attention_mask=batch["mask"]).logits
        total = 0.0
        for objective in self.objectives:
            total = total + objective["weight"] * getattr(self, objective["type"].replace("-", "_"))(objective, batch, logits)
        self.collector.states = {}
        return total

    def soft_label(self, objective, batch, logits):
        t = objective["temperature"]
        target = F.log_softmax(batch["teacher.logits"] / t, -1)
        return F.kl_div(F.log_softmax(logits / t, -1), target, reduction="batchmean", log_target=True) * t**2

    def hard_label(self, objective, batch, logits):
        return F.cross_entropy(logits, batch["labels"])

    def hidden_states(self, objective, batch, logits):
        mask = batch["mask"].unsqueeze(-1)
        total = 0.0
        for i, (student, teacher) in enumerate(self.pairs):
            projection = self.projections[i if len(self.projections) > 1 else 0]
            own = F.linear(self.collector.states[student], projection)
            total = total + ((own - batch[f"teacher.hidden.{teacher}"]).square() * mask).sum()
        return total / (mask.sum().clamp(min=1) * projection.shape[0] * len(self.pairs))


# --- one step ---------------------------------------------------------------------------------------------------------


class Stepper:
    """Training steps of a module that computes a loss from a batch."""

    def __init__(self, case, module, named, compiled=False, dynamic=False):
        self.module = module
        self.parameters = [p for _, p in named]
        self.initial = [p.detach().clone() for p in self.parameters]
        self.optimizer = optimizerOf(case, named)
        self.clipNorm = case.get("clipNorm", 0)
        self.compiled = compiled
        self.losses = torch.compile(module, dynamic=True if dynamic else None) if compiled else module
        module.train()

    def gradients(self, batch):
        self.optimizer.zero_grad()
        loss = self.losses(batch)
        loss.backward()
        return loss

    def step(self, batch):
        loss = self.gradients(batch)
        if self.clipNorm:
            nn.utils.clip_grad_norm_(self.parameters, self.clipNorm)
        self.optimizer.step()
        return loss

    def compile(self, *batches):
        """How much longer the first pass takes than the next. No parameter changes."""
        if not self.compiled:
            return {}
        took = 0
        for batch in batches:
            times = []
            for _ in range(2):
                start = now()
                self.gradients(batch)
                times.append(now() - start)
            took += times[0] - times[1]
        return {"compileMs": took}

    def agree(self, batch):
        later = [p.detach().clone() for p in self.parameters]
        self.set(self.initial)
        self.module.eval()
        loss = self.gradients(batch).item()
        norm = torch.linalg.vector_norm(
            torch.stack([torch.linalg.vector_norm(p.grad.double()) for p in self.parameters if p.grad is not None])
        ).item()
        self.optimizer.zero_grad()
        self.module.train()
        self.set(later)
        return {"loss": loss, "norm": norm}

    @torch.no_grad()
    def set(self, values):
        for p, value in zip(self.parameters, values):
            p.copy_(value)


class OneBatch:
    """Steps on one batch, over and over."""

    def __init__(self, case, stepper, batch):
        self.stepper, self.batch = stepper, batch
        self.first = True

    def agree(self):
        return self.stepper.agree(self.batch)

    def run(self, count):
        more = self.stepper.compile(self.batch) if self.first else {}
        self.first = False
        ms = []
        for _ in range(count):
            start = now()
            loss = self.stepper.step(self.batch)
            loss = loss.item()
            ms.append(now() - start)
        return {"ms": ms, "loss": loss, **more}


def batchOf(path):
    batch = load_file(path)
    batch["ids"] = batch["ids"].long()
    if "labels" in batch:
        batch["labels"] = batch["labels"].float()
    return batch


def distillationRole(compiled):
    def role(case):
        module = Distillation(case)
        return OneBatch(case, Stepper(case, module, module.named(), compiled), batchOf(case["batch"]))

    return role


class NextToken(nn.Module):
    """Mean cross-entropy of each next token; every row is full."""

    def __init__(self, case):
        super().__init__()
        self.model, _ = modelOf(AutoModelForCausalLM, case["config"], case.get("weights"), case.get("attention", "sdpa"))

    def forward(self, batch):
        ids = batch["ids"]
        logits = self.model(input_ids=ids, use_cache=False).logits
        # As transformers' own loss does it: ignoring each row's last token is cheaper than a copy of the logits
        # without it. Its code has a warning in it, at which torch.compile would have to break the graph.
        targets = F.pad(ids[:, 1:], (0, 1), value=-100)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def languageModelRole(compiled):
    def role(case):
        module = NextToken(case)
        return OneBatch(case, Stepper(case, module, [*module.model.named_parameters()], compiled), batchOf(case["batch"]))

    return role


# --- epochs -----------------------------------------------------------------------------------------------------------


class Corpus:
    """Rows of different lengths, in batches that are padded to their longest row."""

    def __init__(self, case, path):
        tensors = load_file(path)
        self.lengths = tensors["lengths"].numpy()
        starts = np.concatenate([[0], np.cumsum(self.lengths)])
        ids = tensors["ids"].numpy()
        self.rows = [ids[starts[i] : starts[i + 1]] for i in range(len(self.lengths))]
        self.labels = tensors["labels"].float()
        self.logits = tensors.get("teacher.logits")
        self.size = case["batchSize"]
        self.pad = case["config"].get("pad_token_id", 0) or 0
        self.random = np.random.default_rng(SEED)

    def order(self, how):
        """Batches of row numbers. grouped: rows of like length together, batches in random order."""
        rows = self.random.permutation(len(self.rows))
        split = lambda rows: [rows[i : i + self.size] for i in range(0, len(rows), self.size)]
        if how == "shuffled":
            return split(rows)
        assert how == "grouped"
        window = self.size * WINDOW
        parts = [rows[i : i + window] for i in range(0, len(rows), window)]
        batches = [b for part in parts for b in split(part[np.argsort(self.lengths[part], kind="stable")])]
        self.random.shuffle(order := list(range(len(batches))))
        return [batches[i] for i in order]

    def padded(self, rows):
        longest = int(self.lengths[rows].max())
        ids = np.full((len(rows), longest), self.pad, np.int64)
        mask = np.zeros((len(rows), longest), np.float32)
        for i, row in enumerate(rows):
            n = self.lengths[row]
            ids[i, :n] = self.rows[row]
            mask[i, :n] = 1
        return {"ids": torch.from_numpy(ids), "mask": torch.from_numpy(mask)}

    def batch(self, rows):
        batch = {**self.padded(rows), "labels": self.labels[rows]}
        if self.logits is not None:
            batch["teacher.logits"] = self.logits[rows]
        return batch


class Epochs:
    def __init__(self, case, compiled):
        self.case = case
        self.corpus = Corpus(case, case["batch"])
        module = Distillation(case)
        self.stepper = Stepper(case, module, module.named(), compiled, dynamic=True)
        # Targets for every batch would need more memory than there is. One layer's random numbers are enough for two
        # of the largest batches; each batch has a piece of them from another place on, so that caches do not help.
        self.hidden = case["fit"]["teacherHidden"] if module.pairs else 0
        self.most = int(self.corpus.size * self.corpus.lengths.max()) * self.hidden
        torch.manual_seed(SEED)
        self.targets = {teacher: torch.randn(2 * self.most) for _, teacher in module.pairs}
        self.first = True

    def withTargets(self, batch, number):
        rows, length = batch["ids"].shape
        size = rows * length * self.hidden
        for layer, pool in self.targets.items():
            start = (number * 1009 * self.hidden) % (self.most + 1)
            batch[f"teacher.hidden.{layer}"] = pool[start : start + size].view(rows, length, self.hidden)
        return batch

    def agree(self):
        """On the file's first rows."""
        rows = np.arange(min(self.corpus.size, len(self.corpus.rows)))
        return self.stepper.agree(self.withTargets(self.corpus.batch(rows), 0))

    def run(self, count):
        more = {}
        if self.first:
            batches = sorted(self.corpus.order(self.case["order"]), key=lambda rows: self.corpus.lengths[rows].max())
            full = [rows for rows in batches if len(rows) == self.corpus.size] or batches
            # Two lengths and the last batch's number of rows, so that whatever has to be compiled is.
            some = [full[0], full[-1], min(batches, key=len)]
            more = self.stepper.compile(*(self.withTargets(self.corpus.batch(rows), 0) for rows in some))
            self.first = False
        ms, tokens = [], []
        for _ in range(count):
            start, computed = now(), 0
            for number, rows in enumerate(self.corpus.order(self.case["order"])):
                batch = self.withTargets(self.corpus.batch(rows), number)
                computed += batch["ids"].numel()
                loss = self.stepper.step(batch)
            loss.item()
            ms.append(now() - start)
            tokens.append(computed)
        steps = math.ceil(len(self.corpus.rows) / self.corpus.size)
        return {"ms": ms, "tokens": tokens, "steps": steps, "realTokens": int(self.corpus.lengths.sum()), **more}


# --- a teacher's forward pass -----------------------------------------------------------------------------------------

caught = []


def catchingAttention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **_):
    """transformers' eager attention, which also keeps its scores before mask and softmax."""
    scores = torch.matmul(query, key.transpose(2, 3)).mul_(query.shape[-1] ** -0.5 if scaling is None else scaling)
    caught.append(scores)
    masked = scores if attention_mask is None else scores + attention_mask
    return torch.matmul(masked.softmax(-1), value).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register("catching", catchingAttention)
transformers.masking_utils.ALL_MASK_ATTENTION_FUNCTIONS.register("catching", transformers.masking_utils.eager_mask)


class TeacherForward:
    """attentions: "scores" before the softmax, the "probabilities" that transformers gives, or "none" of them."""

    def __init__(self, case):
        self.kind = case.get("attentions", "scores")
        attention = {"scores": "catching", "probabilities": "eager", "none": "sdpa"}[self.kind]
        self.model, _ = modelOf(AutoModelForSequenceClassification, case["config"], case.get("weights"), attention)
        self.model.eval()
        self.batch = batchOf(case["batch"])

    @torch.inference_mode()
    def forward(self):
        caught.clear()
        out = self.model(
            input_ids=self.batch["ids"],
            attention_mask=self.batch["mask"],
            output_hidden_states=True,
            output_attentions=self.kind == "probabilities",
        )
        return out.logits, out.hidden_states, list(caught) if self.kind == "scores" else out.attentions or ()

    def agree(self):
        """No loss here: norms of all that comes out."""
        logits, hidden, attention = self.forward()
        norm = lambda tensors: [torch.linalg.vector_norm(t.double()).item() for t in tensors]
        return {"logits": logits.flatten().tolist(), "hidden": norm(hidden), "attention": norm(attention)}

    def run(self, count):
        ms = []
        for _ in range(count):
            start = now()
            self.forward()
            ms.append(now() - start)
        caught.clear()
        return {"ms": ms}


# --- generation -------------------------------------------------------------------------------------------------------


class Generate:
    """Greedy, with a cache of keys and values: "dynamic", "static", or "static-compiled"."""

    def __init__(self, case):
        self.case = case
        self.model, _ = modelOf(AutoModelForCausalLM, case["config"], case.get("weights"), case.get("attention", "sdpa"))
        self.model.eval()
        self.prompt = torch.tensor([case["prompt"]], dtype=torch.long)
        new = case["newTokens"]
        options = dict(do_sample=False, use_cache=True, max_new_tokens=new, min_new_tokens=new, eos_token_id=None, pad_token_id=0)
        self.kind = case.get("cache", "dynamic")
        if self.kind != "dynamic":
            options["cache_implementation"] = "static"
        if self.kind == "static-compiled":
            compiling = transformers.CompileConfig(mode="default", fullgraph=False)
            # transformers compiles the decoding step by itself on accelerators only.
            compiling._compile_all_devices = True
            options["compile_config"] = compiling
        options["disable_compile"] = self.kind != "static-compiled"
        self.model.generation_config = transformers.GenerationConfig(**options)
        self.first = True

    def generate(self):
        return self.model.generate(self.prompt, attention_mask=torch.ones_like(self.prompt))[0, self.prompt.shape[1] :]

    def agree(self):
        return {"tokens": self.generate().tolist()}

    def run(self, count):
        more = {}
        if self.first and self.kind == "static-compiled":
            start = now()
            self.generate()
            middle = now()
            self.generate()
            more = {"compileMs": (middle - start) - (now() - middle)}
        self.first = False
        ms = []
        for _ in range(count):
            start = now()
            tokens = self.generate()
            ms.append(now() - start)
        assert len(tokens) == self.case["newTokens"]
        return {"ms": ms, "tokens": len(tokens), "cache": self.kind, **more}


# --- other libraries --------------------------------------------------------------------------------------------------


class Rows(torch.utils.data.Dataset):
    def __init__(self, corpus):
        self.corpus = corpus

    def __len__(self):
        return len(self.corpus.rows)

    def __getitem__(self, i):
        return i


def weightOf(case, kind, otherwise=0):
    return next((o["weight"] for o in case["objectives"] if o["type"] == kind), otherwise)


def temperatureOf(case):
    return next((o["temperature"] for o in case["objectives"] if o["type"] == "soft-label"), 1)


def bothModels(case):
    teacher, _ = modelOf(AutoModelForSequenceClassification, case["teacherConfig"], case.get("teacherWeights"))
    student, _ = modelOf(AutoModelForSequenceClassification, case["config"], case.get("weights"))
    teacher.eval()
    teacher.requires_grad_(False)
    student.train()
    return teacher, student


class TextBrewer:
    """As its documentation shows: GeneralDistiller with hidden_mse through a linear projection for each matched layer.

    Needs no change for transformers 5; importing it wants a SummaryWriter, for which install.sh brings tensorboardX.
    """

    def __init__(self, case):
        from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig

        self.case = case
        self.teacher, self.student = bothModels(case)
        self.corpus = Corpus(case, case["rows"])
        self.hard = weightOf(case, "hard-label")
        self.pairs = pairsOf(case)
        fit = case["fit"]
        matches = [
            {
                "layer_T": t,
                "layer_S": s,
                "feature": "hidden",
                "loss": "hidden_mse",
                # Ours is a mean over pairs, TextBrewer's a sum.
                "weight": weightOf(case, "hidden-states") / len(self.pairs),
                "proj": ["linear", fit["studentHidden"], fit["teacherHidden"]],
            }
            for s, t in self.pairs
        ]
        self.distiller = GeneralDistiller(
            train_config=TrainingConfig(device="cpu", output_dir=os.path.join(scratch, "textbrewer"), log_dir=None),
            distill_config=DistillationConfig(
                temperature=temperatureOf(case),
                kd_loss_type="ce",
                # Its cross-entropy has no factor T².
                kd_loss_weight=weightOf(case, "soft-label") * temperatureOf(case) ** 2,
                hard_label_weight=self.hard,
                intermediate_matches=matches,
            ),
            model_T=self.teacher,
            model_S=self.student,
            adaptor_T=self.adaptor,
            adaptor_S=self.adaptor,
        )
        self.saved = []
        save = self.distiller.save_and_callback

        def timedSave(*args):
            start = now()
            save(*args)
            self.saved.append(now() - start)

        # It saves the student at the end of each epoch, inside the training loop: told apart, not left out.
        self.distiller.save_and_callback = timedSave

    def adaptor(self, batch, outputs):
        result = {"logits": outputs.logits, "hidden": outputs.hidden_states, "inputs_mask": batch["attention_mask"]}
        if self.hard:
            result["losses"] = outputs.loss
        return result

    def collate(self, rows):
        rows = np.array(rows)
        batch = self.corpus.padded(rows)
        result = {"input_ids": batch["ids"], "attention_mask": batch["mask"]}
        if self.hard:
            result["labels"] = self.corpus.labels[rows].argmax(-1)
        self.tokens += batch["ids"].numel()
        return result

    def run(self, count):
        # A new one each time: train() adds the projections' parameters to it.
        optimizer = optimizerOf(self.case, [*self.student.named_parameters()])
        loader = torch.utils.data.DataLoader(
            Rows(self.corpus), batch_size=self.corpus.size, shuffle=True, collate_fn=self.collate
        )
        self.tokens, self.saved = 0, []
        ends, tokens = [], []

        def callback(model, step):
            ends.append(now())
            tokens.append(self.tokens)

        start = now()
        with self.distiller:
            self.distiller.train(
                optimizer,
                loader,
                num_epochs=count,
                callback=callback,
                max_grad_norm=self.case.get("clipNorm") or -1.0,
                **({"output_hidden_states": True} if self.pairs else {}),
            )
        ms = np.diff([start, *ends]).tolist()
        return {"ms": ms, "saveMs": self.saved, "tokens": np.diff([0, *tokens]).tolist(), "steps": len(loader)}


class TorchDistill:
    """As its examples for transformers do it: forward hooks on both models, KDLoss and MSELoss in a weighted sum.

    Needs no change for transformers 5, whose layers return plain tensors, as the hooks need them.
    """

    def __init__(self, case):
        import torchdistill.losses.mid_level  # noqa: F401  (registers KDLoss)
        from torchdistill.core.distillation import get_distillation_box
        from torchdistill.datasets.registry import register_collate_func
        from torchdistill.models.registry import register_auxiliary_model_wrapper
        from torchdistill.models.wrapper import AuxiliaryModelWrapper

        @register_auxiliary_model_wrapper
        class Projected(AuxiliaryModelWrapper):
            """The student with a linear projection for each matched layer, applied once its hooks have the layers."""

            def __init__(self, student_model, paths, size, device, device_ids, distributed, **kwargs):
                super().__init__()
                self.student_model = student_model
                self.paths = paths
                self.projections = nn.ModuleList([nn.Linear(*size, bias=False) for _ in paths])

            def forward(self, **batch):
                return self.student_model(**batch)

            def secondary_forward(self, io_dict):
                for path, projection in zip(self.paths, self.projections):
                    projection(io_dict[path]["output"])

        @register_collate_func
        def padded(samples):
            rows = np.array([row for row, _, _ in samples])
            batch = self.corpus.padded(rows)
            self.tokens += batch["ids"].numel()
            return {"input_ids": batch["ids"], "attention_mask": batch["mask"]}, self.corpus.labels[rows].argmax(-1), None

        self.case = case
        self.corpus = Corpus(case, case["rows"])
        teacher, student = bothModels(case)
        pairs = pairsOf(case)
        path = lambda layer: "bert.embeddings" if layer == 0 else f"bert.encoder.layer.{layer - 1}"
        own = [f"student_model.{path(s)}" for s, _ in pairs]
        projected = [f"projections.{i}" for i in range(len(pairs))]
        terms = {
            # With alpha 0 torchdistill leaves the hard labels out, and the factor T² too: the weight has it.
            "kd": {
                "criterion": {
                    "key": "KDLoss",
                    "kwargs": {
                        "student_module_path": "student_model.classifier",
                        "student_module_io": "output",
                        "teacher_module_path": "classifier",
                        "teacher_module_io": "output",
                        "temperature": temperatureOf(case),
                        "alpha": 0,
                    },
                },
                "weight": weightOf(case, "soft-label") * temperatureOf(case) ** 2,
            },
            **{
                name: {
                    "criterion": {"key": "MSELoss", "kwargs": {}},
                    "criterion_wrapper": {
                        "key": "SimpleLossWrapper",
                        "kwargs": {
                            "input": {"is_from_teacher": False, "module_path": name, "io": "output"},
                            "target": {"is_from_teacher": True, "module_path": path(t), "io": "output"},
                        },
                    },
                    "weight": weightOf(case, "hidden-states") / len(pairs),
                }
                for name, (_, t) in zip(projected, pairs)
            },
        }
        if hard := weightOf(case, "hard-label"):
            target = {"input": {"is_from_teacher": False, "module_path": "student_model.classifier", "io": "output"}}
            terms["hard"] = {
                "criterion": {"key": "CrossEntropyLoss", "kwargs": {}},
                "criterion_wrapper": {"key": "SimpleLossWrapper", "kwargs": {**target, "target": {"uses_label": True}}},
                "weight": hard,
            }
        config = {
            "num_epochs": case.get("epochs", 1),
            "train_data_loader": {
                "dataset_id": "rows",
                "requires_supp": False,
                "sampler": {"class_or_func": torch.utils.data.RandomSampler},
                "collate_fn": "padded",
                "kwargs": {"batch_size": self.corpus.size},
            },
            "teacher": {
                "forward_proc": "forward_batch_only_as_kwargs",
                "forward_hook": {"output": ["classifier", *(path(t) for _, t in pairs)]},
                "requires_grad": False,
            },
            "student": {
                "forward_proc": "forward_batch_only_as_kwargs",
                "forward_hook": {"output": ["student_model.classifier", *own, *projected]},
                "auxiliary_model_wrapper": {
                    "key": "Projected",
                    "kwargs": {"paths": own, "size": [case["fit"]["studentHidden"], case["fit"]["teacherHidden"]]},
                },
            },
            "optimizer": {
                "key": "AdamW",
                "kwargs": {"lr": case["rate"], "weight_decay": case["weightDecay"], "fused": True},
                "max_grad_norm": case.get("clipNorm") or None,
            },
            "criterion": {"key": "WeightedSumLoss", "kwargs": {"sub_terms": terms}},
        }
        rows = LabelledRows(self.corpus)
        self.box = get_distillation_box(teacher, student, {"rows": rows}, config, torch.device("cpu"), None, False, 1)
        teacher.eval()
        self.epoch = 0

    def run(self, count):
        from torchdistill.misc.log import MetricLogger, SmoothedValue

        ms, tokens = [], []
        for _ in range(count):
            self.tokens = 0
            start = now()
            self.box.pre_epoch_process(epoch=self.epoch)
            logger = MetricLogger(delimiter="  ")
            logger.add_meter("lr", SmoothedValue(window_size=1, fmt="{value}"))
            for batch, targets, supplement in logger.log_every(self.box.train_data_loader, 1000, f"Epoch: [{self.epoch}]"):
                loss = self.box.forward_process(batch, targets=targets, supp_dict=supplement)
                self.box.post_forward_process(loss=loss)
                logger.update(loss=loss.item(), lr=self.box.optimizer.param_groups[0]["lr"])
            self.box.post_epoch_process()
            ms.append(now() - start)
            tokens.append(self.tokens)
            self.epoch += 1
        return {"ms": ms, "tokens": tokens, "steps": len(self.box.train_data_loader), "loss": loss.item()}


class LabelledRows(Rows):
    """Row, label and supplement, as torchdistill's loops take them."""

    def __getitem__(self, i):
        return i, None, None


ROLES = {
    "eager": distillationRole(False),
    "compiled": distillationRole(True),
    "epoch": lambda case: Epochs(case, False),
    "epoch-compiled": lambda case: Epochs(case, True),
    "teacher-forward": TeacherForward,
    "gpt2": languageModelRole(False),
    "gpt2-compiled": languageModelRole(True),
    "generate": Generate,
    "textbrewer": TextBrewer,
    "torchdistill": TorchDistill,
}


# --- the process ------------------------------------------------------------------------------------------------------


def resident(field="VmRSS"):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


def usage():
    # Compilers and workers that this process started are its cost as well.
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, children = [t.ru_utime + t.ru_stime for t in times]
    return {"peakMiB": resident("VmHWM"), "cpuSeconds": own + children, "childrenCpuSeconds": children}


def versions():
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


def answer(value):
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def main():
    role, case = sys.argv[1], json.loads(sys.stdin.readline())
    torch.set_num_threads(case["threads"])
    torch.set_num_interop_threads(1)
    imported = resident()
    peer = ROLES[role](case)
    for line in sys.stdin:
        command = json.loads(line)
        match command["do"]:
            case "ready":
                answer({**versions(), "importedMiB": imported})
            case "agree":
                answer(peer.agree())
            case "run":
                answer(peer.run(command.get("count", 1)))
            case "close":
                answer(usage())
                return
            case other:
                raise ValueError(f'no command "{other}"')


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
