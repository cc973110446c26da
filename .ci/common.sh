# What the shell scripts of this folder share: sourced by them with the root of the checkout as the working directory.

# The tests use the search path of the interpreter, without what a shell has set.
unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH
# Hundreds of processes import pytest and the package. Without their bytecode each would compile them again.
unset PYTHONDONTWRITEBYTECODE

fail() { # LINE...
    printf '%s\n' "$@" >&2
    exit 1
}

command -v python3 >/dev/null ||
    fail "python3 is missing: install it (Debian, Ubuntu: apt-get install python3 python3-venv python3-dev)"

# Prints the tag of an interpreter (cp314t), then what stands in the way of building for it.
DESCRIBE='
import os, sys, sysconfig
without_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print("cp{}{}".format(*sys.version_info) + "t" * without_gil)
if sys.version_info < (3, 11):
    print(f"{sys.executable} is Python {sys.version.split()[0]}, and atomicpy needs 3.11 or later.")
    print("If there is a newer one on this machine, name it: make PYTHON=python3.13 ...")
elif not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    version = "{}.{}".format(*sys.version_info)
    print(f"{sys.executable} lacks Python.h, without which no extension module can be built.")
    print(f"Debian, Ubuntu: apt-get install python{version}-dev; or name another interpreter: make PYTHON=...")
'

tag_of() { # PYTHON
    "$1" -c "$DESCRIBE" | head -n 1
}

# The interpreter that $PYTHON names, if that is one with the GIL, else python3.
default_python() {
    local tag
    if [ -n "${PYTHON:-}" ] && tag=$(tag_of "$PYTHON") && [[ $tag != *t ]]; then
        echo "$PYTHON"
    else
        echo python3
    fi
}

# Sets $free_threaded to the path of an interpreter without the GIL, or to nothing where there is none to be had.
find_free_threaded() {
    local status=0
    free_threaded=$(.ci/freethreaded) || status=$?
    [ $status = 0 ] || [ $status = 3 ] || exit "$status"
}

# The requirements of dependency groups, a line each. uv would take the names, and ask the index each time then; so it
# looks no further where everything is installed.
GROUPS_OF='
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    groups = tomllib.load(file)["dependency-groups"]
for name in sys.argv[1:]:
    print(*groups[name], sep="\n")
'

# env_python INTERPRETER [GROUP...]: prints the python of an environment for that interpreter, which has these dependency
# groups of pyproject.toml. With `build` among them it has atomicpy too, built from this checkout.
# uv installs what is missing, and builds where a file has changed that [tool.uv] names.
env_python() {
    local python=$1 problem environment same
    shift
    [ "$python" != default ] || python=$(default_python)
    problem=$("$python" -c "$DESCRIBE" 2>/dev/null) ||
        fail "$python starts no Python: name one that does, make PYTHON=..."
    environment=build/env/$(head -n 1 <<<"$problem")
    problem=$(tail -n +2 <<<"$problem")
    [ -z "$problem" ] || fail "$problem"
    command -v "${CC:-cc}" >/dev/null ||
        fail "a C compiler is missing: install one (Debian, Ubuntu: apt-get install gcc libc6-dev)"

    same='import sys; print(sys.base_prefix, sys.version)'
    if [ "$("$environment/bin/python" -c "$same" 2>/dev/null)" != "$("$python" -c "$same")" ]; then
        .ci/uv venv --clear --no-project --python "$python" "$environment" >&2
    fi
    # A file that is gone leaves no trace in the times at which uv looks.
    ATOMICPY_FILES=$(find atomicpy src -name '*.py' -o -name '*.py[xi]' -o -name '*.pxd' -o -name '*.[ch]' |
        sort | cksum)
    export ATOMICPY_FILES
    {
        "$python" -c "$GROUPS_OF" "$@"
        case " $* " in *" build "*) echo . ;; esac
    } | .ci/uv pip install --python "$environment" --no-build-isolation-package atomicpy --requirements - >&2 ||
        fail "no environment for $python in $environment: the reason is above"
    echo "$PWD/$environment/bin/python"
}

# on_each FUNCTION NAME... -- GROUP...: FUNCTION PYTHON TAG for each of these interpreters that is here, once for
# each TAG, in an environment with these groups. A failure on one is reported, and the others run.
on_each() {
    local function=$1 name names=() python tag seen= status=0
    shift
    while [ "$1" != -- ]; do names+=("$1"); shift; done
    shift
    for name in "${names[@]}"; do
        # A name may be there and start nothing: the shims of pyenv are like that.
        [ "$name" = default ] || "$name" -c "" >/dev/null 2>&1 || continue
        python=$(env_python "$name" "$@") && tag=$(tag_of "$python") || { status=1; continue; }
        case " $seen " in *" $tag "*) continue ;; esac
        seen="$seen $tag"
        echo "== $tag"
        "$function" "$python" "$tag" || { echo "== FAILED on $tag"; status=1; }
    done
    return $status
}
