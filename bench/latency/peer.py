"""Runs an ONNX file with Python's onnxruntime: python peer.py FILE THREADS, and the protocol of side.js on stdin and fd 3."""

import json
import os
import resource
import sys
import time

import numpy as np
import onnxruntime as ort

file, threads = sys.argv[1], int(sys.argv[2])
answers = os.fdopen(3, "w")
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
options.log_severity_level = 3
options.add_session_config_entry("session.set_denormal_as_zero", "1")
session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
names = {each.name for each in session.get_inputs()}


def feeds(ids):
    ids = np.array(ids, np.int64)
    all = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    return {name: value for name, value in all.items() if name in names}


for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "ready":
        answer = {"version": f"onnxruntime {ort.__version__}, Python {sys.version.split()[0]}"}
    elif command["do"] == "close":
        answer = {"peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    else:
        given = feeds(command["ids"])
        times = []
        for _ in range(command["count"]):
            start = time.perf_counter()
            (logits,) = session.run(["logits"], given)
            times.append(1000 * (time.perf_counter() - start))
        answer = {"ms": times, "logits": logits.ravel().tolist()}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    if command["do"] == "close":
        break
