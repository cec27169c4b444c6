"""The steps of a pipeline, in the order of its stages.  Composition only: every step is made in `tasks/`."""

from __future__ import annotations

from pathlib import Path

from tasks.audit import audit_step
from tasks.evaluate_tokenizers import tokenizer_evaluation_step
from tasks.ingest import documents_step, source_step

from flows.config import PipelineParams
from tasks.report import report_step
from tasks.step import Step


def pipeline_steps(name: str, pipeline: PipelineParams, cache: Path) -> list[Step]:
    """Every step of a pipeline.  Reads local source files (to hash them), never the warehouse."""
    steps = [source_step(corpus, cache) for corpus in pipeline.corpora]
    steps.append(documents_step(name, pipeline.cleaning, pipeline.corpora))
    steps += _tokenizer_steps(name, pipeline, cache)
    steps += _count_steps(name, pipeline, steps)
    steps += [audit_step(name, audit, _subject(name, audit)) for audit in pipeline.audits]
    steps += _model_steps(name, pipeline)
    if pipeline.evaluation is not None and pipeline.tokenizers:
        steps.append(tokenizer_evaluation_step(name, pipeline.evaluation, _own_tokenizers(name, pipeline)))
    if pipeline.report is not None:
        steps.append(report_step(name, pipeline.report, steps))
    return steps
