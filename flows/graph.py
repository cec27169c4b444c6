"""The steps of a pipeline, stage by stage.  Composition only: every step is made in `tasks/`."""

from __future__ import annotations

from pathlib import Path

from flows.config import PipelineParams
from lexmill.mixture.params import AuditParams
from lexmill.tokenizer.params import SequenceSpec
from lexmill.training.params import ModelParams
from tasks.recipes.audit import audit_step, subject_step
from tasks.recipes.count import Cut, subject_counts_step, word_counts_step, word_sequences_step
from tasks.recipes.documents import attributes_step, documents_step
from tasks.recipes.evaluate_models import model_evaluation_step
from tasks.recipes.evaluate_tokenizers import tokenizer_evaluation_step
from tasks.recipes.ingest import source_steps
from tasks.recipes.report import report_step
from tasks.recipes.romanize import romanization_step
from tasks.recipes.tokenizers import cut_of, tokenizer_step
from tasks.recipes.training import adapted_model_step, base_model_step
from tasks.recipes.transfer import init_model_step, plan_step
from tasks.step import Step


def pipeline_steps(name: str, pipeline: PipelineParams, cache: Path) -> list[Step]:
    """Every step of a pipeline.  Hashes local source files (into `cache`), never touches the warehouse."""
    steps = _corpus_steps(name, pipeline, cache)
    names = [tokenizer.name for tokenizer in pipeline.tokenizers]
    steps += [tokenizer_step(name, tokenizer, names) for tokenizer in pipeline.tokenizers]
    for audit in pipeline.audits:
        steps += _audit_steps(name, pipeline, audit, cache)
    for model in pipeline.models:
        steps += _model_steps(name, model)
    if pipeline.evaluation is not None and pipeline.tokenizers:
        tokenizers = [("tokenizer", f"{name}-{tokenizer.name}") for tokenizer in pipeline.tokenizers]
        steps.append(tokenizer_evaluation_step(name, pipeline.evaluation, tokenizers))
    steps += _count_steps(name, pipeline, steps)
    if pipeline.report is not None:
        steps.append(report_step(name, pipeline.report, steps, pipeline.description))
    return steps


def _corpus_steps(name: str, pipeline: PipelineParams, cache: Path) -> list[Step]:
    """Sources, their attributes, and the documents; corpora of evaluation text are read and nothing more."""
    cleaning = pipeline.cleaning
    held_out = set(cleaning.decontamination.corpora) if cleaning.decontamination else set()
    sources = {corpus.name: source_steps(corpus, cache) for corpus in pipeline.corpora}
    evaluation = [step.key for corpus in sorted(held_out) for step in sources[corpus]]
    kept = [step for corpus, steps in sources.items() if corpus not in held_out for step in steps]
    attributes = [attributes_step(step, cleaning, evaluation) for step in kept]
    documents = documents_step(name, cleaning, [step.key for step in kept], [step.key for step in attributes])
    steps = [step for found in sources.values() for step in found] + [*attributes, documents]
    return steps + ([romanization_step(name, pipeline.romanization)] if pipeline.romanization else [])


def _audit_steps(name: str, pipeline: PipelineParams, audit: AuditParams, cache: Path) -> list[Step]:
    external = audit.tokenizer
    if isinstance(external, str):
        tokenizer = next(t for t in pipeline.tokenizers if t.name == external)
        key = ("tokenizer", f"{name}-{tokenizer.name}")
        return [audit_step(name, audit, key, *cut_of(tokenizer)[:2], framing=tokenizer.framing)]
    subject = subject_step(name, audit, cache)
    steps = [subject]
    if external.pretokenizer is None or external.normalizer is None:
        steps.append(subject_counts_step(name, subject.key, external.pretokenizer, external.normalizer))
    known = _others(name, pipeline, audit) if audit.start_merge == "auto" else []
    return [*steps, audit_step(name, audit, subject.key, external.pretokenizer, external.normalizer, known)]


def _others(name: str, pipeline: PipelineParams, audit: AuditParams) -> list[tuple[str, str]]:
    """The other external tokenizers that the pipeline audits: this one's first merges may be theirs."""
    return [
        ("tokenizer", f"{name}-{other.name}-subject")
        for other in pipeline.audits
        if other.name != audit.name
        and not isinstance(other.tokenizer, str)
        and other.tokenizer != audit.tokenizer
    ]


def _model_steps(name: str, model: ModelParams) -> list[Step]:
    steps = [base_model_step(name, model)]
    for method in model.transfer.methods:
        steps += [plan_step(name, model, method), init_model_step(name, model, method)]
    steps += [adapted_model_step(name, model, method) for method in model.adapted_methods]
    return [*steps, model_evaluation_step(name, model)]


def _count_steps(name: str, pipeline: PipelineParams, steps: list[Step]) -> list[Step]:
    """Word counts and word sequences for every way to cut that some step reads them of."""
    wanted = {key for step in steps for keys in step.inputs.values() for key in keys}
    cuts = {cut_of(tokenizer) for tokenizer in pipeline.tokenizers}
    for audit in pipeline.audits:
        external = audit.tokenizer
        if not isinstance(external, str) and external.pretokenizer and external.normalizer:
            cuts.add(Cut(external.pretokenizer, external.normalizer))
    samples = {
        (cut_of(spec), spec.sample_bytes, spec.seed)
        for spec in pipeline.tokenizers
        if isinstance(spec, SequenceSpec)
    }
    made = [word_counts_step(name, cut) for cut in sorted(cuts)]
    made += [word_sequences_step(name, *sample) for sample in sorted(samples)]
    return [step for step in made if step.key in wanted]
