#!/usr/bin/env bash
# Make @tensorflow/tfjs-node run on Linux x64 from npm and PyPI alone.
#
#   usage: scripts/tfjs-node-offline.sh PROJECT_DIR
#
# PROJECT_DIR is an npm project (it has a package.json).  The package's own install script
# fetches libtensorflow from storage.googleapis.com; where that host cannot be reached the
# install fails.  The PyPI wheel tensorflow-cpu of the same version holds the same C API, so
# this script takes the library from there and compiles the small addon itself.
#
# Needs: node, npm, g++, binutils (nm, strip), a Python with pip.
# Environment (optional):
#   PYTHON     the Python whose pip fetches the wheel (default python3; its version is free)
#   WHEEL_DIR  a folder that keeps the 207 MB wheel, or already has it (then pip fetches nothing);
#              default: a temporary folder, removed at the end
set -euo pipefail

TFJS_VERSION=4.22.0
TF_VERSION=2.9.1 # the libtensorflow version in tfjs-node's scripts/deps-constants.js
WHEEL_SHA256=6666ddeae45e1f41da788cb4bdea3435aba16edb0bc17b7ac00631c7c9eb052e
NODE_API_HEADERS_VERSION=1.9.0

PYTHON=${PYTHON:-python3}
[ $# -eq 1 ] || { echo "usage: $0 PROJECT_DIR" >&2; exit 2; }
project=$(cd "$1" && pwd)
[ -f "$project/package.json" ] || { echo "$project has no package.json" >&2; exit 2; }
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "only for Linux x86_64" >&2; exit 2; }
for tool in node npm g++ nm strip "$PYTHON"; do
  command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 2; }
done
"$PYTHON" -m pip --version >/dev/null || { echo "$PYTHON has no pip (set PYTHON)" >&2; exit 2; }
# The wheel is compiled for AVX; without it the process would die of an illegal instruction.
grep -qw avx /proc/cpuinfo || { echo "this CPU has no AVX" >&2; exit 2; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

echo "== 1/5 npm package (without its install script)"
cd "$project"
npm install --no-save --ignore-scripts --no-audit --no-fund "@tensorflow/tfjs-node@$TFJS_VERSION"
pkg=$(node -p "require('path').dirname(require.resolve('@tensorflow/tfjs-node/package.json'))")

echo "== 2/5 TensorFlow wheel"
# The wheel is only unpacked, never imported, so it need not fit the Python that runs here:
# its tags are named outright.
wheels=${WHEEL_DIR:-$tmp/wheels}
mkdir -p "$wheels"
wheels=$(cd "$wheels" && pwd)
"$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --implementation cp --python-version 3.10 --abi cp310 --platform manylinux2014_x86_64 \
  --dest "$wheels" "tensorflow-cpu==$TF_VERSION"
wheel=$(echo "$wheels"/tensorflow_cpu-"$TF_VERSION"-cp310-*.whl)
echo "$WHEEL_SHA256  $wheel" | sha256sum --check --quiet

echo "== 3/5 library and headers into deps/"
lib=$pkg/deps/lib
rm -rf "$pkg/deps"
mkdir -p "$lib"
# Only what the addon needs: the two libraries and the C headers.
"$PYTHON" - "$wheel" "$pkg/deps" <<'PY'
import os, shutil, sys, zipfile
wheel, deps = sys.argv[1:]
headers = ("tensorflow/include/tensorflow/c/", "tensorflow/include/tensorflow/core/platform/ctstring")
libraries = ("tensorflow/libtensorflow_framework.so.2", "tensorflow/python/_pywrap_tensorflow_internal.so")
with zipfile.ZipFile(wheel) as z:
    for name in z.namelist():
        if name in libraries:
            to = os.path.join(deps, "lib", os.path.basename(name))
        elif name.startswith(headers) and name.endswith(".h"):
            to = os.path.join(deps, name[len("tensorflow/"):])
        else:
            continue
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with z.open(name) as src, open(to, "wb") as dst:
            shutil.copyfileobj(src, dst, 1 << 20)
PY
big=_pywrap_tensorflow_internal.so # the whole of TensorFlow, the TF_* and TFE_* C API included
# Its debug information is of no use here (467 MB become 360 MB).
strip --strip-unneeded "$lib/$big"

# The library also holds TensorFlow's Python glue, so it refers to CPython symbols (PyTuple_Type,
# PyErr_Occurred, ...) that a Python process would supply.  It is linked with BIND_NOW: every one
# must be found at load time, or Node reports "undefined symbol: PyTuple_Type".  The C API never
# calls that glue, so a stub library that defines the names is enough; a stub function that is
# called all the same says its name and aborts rather than go on with nonsense.
nm -D --undefined-only "$lib/$big" | awk '
  BEGIN {
    print "#include <stdio.h>\n#include <stdlib.h>"
    print "static void missing(const char *name) {"
    print "  fprintf(stderr, \"tfjs-node: TensorFlow called the Python function %s\\n\", name);"
    print "  abort();\n}"
  }
  $2 !~ /^_?Py/ { next }
  # Objects (types, exceptions, None, True, ...): zeroed room, larger than any PyTypeObject.
  $2 ~ /_Type$|^PyExc_|Struct$/ { print "char " $2 "[1024] __attribute__((aligned(16)));"; next }
  { print "void " $2 "(void) { missing(\"" $2 "\"); }" }
' > "$tmp/python_stub.c"
g++ -x c -w -O1 -fPIC -shared -Wl,-soname,libpython_stub.so -o "$lib/libpython_stub.so" "$tmp/python_stub.c"

# The names that the linker asks for.  libtensorflow.so is a linker script: it stands for both
# files, the stub first.  The versioned name is what the package's install script looks for; with
# it in place that script does not wipe deps/ and download anew.
echo "INPUT(libpython_stub.so $big)" > "$lib/libtensorflow.so"
ln -s "$big" "$lib/libtensorflow.so.$TF_VERSION"
ln -s libtensorflow_framework.so.2 "$lib/libtensorflow_framework.so"

echo "== 4/5 addon"
# Compiled directly rather than by node-gyp, which would download Node's headers from nodejs.org.
# The addon uses the stable Node-API only, whose headers are an npm package of their own.
(cd "$tmp" && npm pack --silent "node-api-headers@$NODE_API_HEADERS_VERSION" >/dev/null && tar xzf node-api-headers-*.tgz)
# Where the package will look: lib/napi-vN/tfjs_binding.node, N depending on the Node version.
addon=$(cd "$pkg" && node -p "require('@mapbox/node-pre-gyp').find(require('path').resolve('package.json'))")
napi=$(basename "$(dirname "$addon")")
mkdir -p "$(dirname "$addon")"
# --no-as-needed: the addon itself uses nothing from the stub library, but must load it.
# The rpath is relative, so the project folder may be moved.
g++ -std=c++17 -O2 -w -fPIC -shared -DNAPI_VERSION="${napi#napi-v}" -DBUILDING_NODE_EXTENSION \
  -I "$tmp/package/include" -I "$pkg/deps/include" \
  -o "$addon" "$pkg"/binding/tfjs_backend.cc "$pkg"/binding/tfjs_binding.cc \
  -Wl,--no-as-needed -Wl,-rpath,'$ORIGIN/../../deps/lib' -L "$lib" -ltensorflow -ltensorflow_framework

echo "== 5/5 self-check"
TF_CPP_MIN_LOG_LEVEL=2 node -e "
  const tf = require('@tensorflow/tfjs-node');
  const c = tf.matMul([[1, 2], [3, 4]], [[5, 6], [7, 8]]).dataSync().join();
  const ok = tf.getBackend() === 'tensorflow' && c === '19,22,43,50';
  console.log((ok ? 'ok' : 'FAILED') + ': backend ' + tf.getBackend() + ', tfjs-node ' +
    tf.version['tfjs-node'] + ', TensorFlow ' + tf.backend().binding.TF_Version + ', matMul ' + c);
  process.exit(ok ? 0 : 1);"
