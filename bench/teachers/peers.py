"""One run of one tool over rows: `peers.py TOOL ROWS BASE_URL CONCURRENCY SYSTEM`, in an empty folder.

Prints one line of JSON last: seconds of the tool's own call, from rows in memory to answers in memory and on disk as it
keeps them, and the largest resident size of its processes.
"""

import importlib.util
import json
import os
import resource
import sys
import time

# No telemetry, no hub, nothing kept from earlier runs, no progress bars: they would cost time or need a network.
os.environ.update(
    TELEMETRY_ENABLED="0",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    CURATOR_DISABLE_CACHE="1",
    CURATOR_DISABLE_RICH_DISPLAY="1",
    DISTILABEL_LOG_LEVEL="WARNING",
    CURATOR_CACHE_DIR=os.path.abspath("curator"),
    HF_HOME=os.path.abspath("hf"),
    OPENAI_API_KEY="none",
)


def distilabel(rows, base_url, concurrency, system):
    from datasets import Dataset
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps.tasks import TextGeneration

    with Pipeline(name="bench", cache_dir=os.path.abspath("distilabel")) as pipeline:
        TextGeneration(
            llm=OpenAILLM(
                model="oracle",
                base_url=base_url,
                api_key="none",
                generation_kwargs={"temperature": 0, "max_new_tokens": 16},
            ),
            system_prompt=system,
            template="{{ text }}",
            columns=["text"],
            # The rows of a batch are what it asks about at once.
            input_batch_size=concurrency,
        )
    began = time.perf_counter()
    answers = pipeline.run(dataset=Dataset.from_list(rows), use_cache=False)["default"]["train"]
    return time.perf_counter() - began, answers["generation"]


def curator(rows, base_url, concurrency, system):
    # curator counts tokens with an encoding that tiktoken would download; litellm, which it needs, has a copy.
    litellm = importlib.util.find_spec("litellm").submodule_search_locations[0]
    os.environ["TIKTOKEN_CACHE_DIR"] = os.path.join(litellm, "litellm_core_utils", "tokenizers")
    from bespokelabs import curator

    class Labeller(curator.LLM):
        def prompt(self, row):
            return row["text"]

        def parse(self, row, response):
            return {"text": row["text"], "label": response}

    labeller = Labeller(
        model_name="oracle",
        backend="openai",
        system_prompt=system,
        generation_params={"temperature": 0, "max_tokens": 16},
        backend_params={
            "base_url": base_url,
            "max_concurrent_requests": concurrency,
            # Never what limits it.
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 1_000_000_000_000,
        },
    )
    began = time.perf_counter()
    answers = labeller(rows).dataset
    return time.perf_counter() - began, answers["label"]


if __name__ == "__main__":
    tool, file, base_url, concurrency, system = sys.argv[1:]
    with open(file) as lines:
        rows = [json.loads(line) for line in lines]
    seconds, answers = {"distilabel": distilabel, "curator": curator}[tool](rows, base_url, int(concurrency), system)
    assert list(answers) == ["spam"] * len(rows), f"{len(answers)} answers, such as {answers[:3]}"
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "peakMiB": peak / 1024}), flush=True)
