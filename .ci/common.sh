# What the shell scripts of this folder share: sourced by them with the root of the checkout as the working directory.

# The interpreter's own search path is what is tested, not what somebody's shell has set.
unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH

command -v python3 >/dev/null || {
    echo "python3 is missing: install it (Debian, Ubuntu: apt-get install python3 python3-venv python3-dev)" >&2
    exit 1
}

# Sets $free_threaded to the path of an interpreter without the GIL, or to nothing where there is none to be had.
find_free_threaded() {
    local status=0
    free_threaded=$(python3 .ci/freethreaded.py) || status=$?
    case $status in
        0) ;;
        3) free_threaded= ;;
        *) exit "$status" ;;
    esac
}

# env INTERPRETER [--group NAME]...: the python of an environment for it with atomicpy in it.
env_python() {
    python3 .ci/env.py "$@"
}

# The name of an interpreter's results: cp314t.
tag_of() {
    "$1" -c 'import sys, sysconfig; print("cp{}{}".format(*sys.version_info)
        + "t" * bool(sysconfig.get_config_var("Py_GIL_DISABLED")))'
}

# on_each GROUP FUNCTION NAME...: FUNCTION PYTHON TAG for each of these interpreters that is here, once for each TAG. Where
# it fails on one, that is said, and the others have their turn.
on_each() {
    local group=$1 function=$2 name python tag seen= status=0
    shift 2
    for name in "$@"; do
        # A name may be there and start nothing: the shims of pyenv are like that.
        [ "$name" = default ] || "$name" -c "" >/dev/null 2>&1 || continue
        python=$(env_python "$name" --group "$group") && tag=$(tag_of "$python") || { status=1; continue; }
        case " $seen " in *" $tag "*) continue ;; esac
        seen="$seen $tag"
        echo "== $tag"
        "$function" "$python" "$tag" || { echo "== FAILED on $tag"; status=1; }
    done
    return $status
}
