#!/usr/bin/env bash
# Put the GLM-4.7 parsers into the vLLM 0.13.0 of this container, and take them out again.
#
#   bash patches.sh VERB [--patches DIR] [--backup DIR] [--vllm DIR]
#
# Verbs
#   state     say what each file is; changes nothing
#   dry-run   try everything on copies; changes nothing
#   apply     back up, then patch all files or none; a second run changes nothing
#   verify    succeed only if all files are patched (or built in); changes nothing
#   revert    byte for byte back to the original; a second run changes nothing
#   diff      show what apply would change, or how a foreign file differs from what was expected
# Options
#   --patches DIR  manifest.toml, the patches and the new file (default: beside this script, or
#                  ../patches)
#   --backup DIR   originals and their sha256 go there (default: ../backup beside this script)
#   --vllm DIR     the package folder vllm/ (default: found without importing vLLM)
#
# Each file is: pristine, patched, outdated (an earlier version of the new file, may be replaced),
# builtin (a newer vLLM that knows glm47), foreign (anything else: never overwritten), absent.
# All together: pristine, patched, builtin, partial (a run was cut off: apply completes it, revert
# undoes it), foreign.
#
# Lines that begin with "@@ " are for machines, the last word(s) may contain spaces:
#   @@ vllm DIR | @@ version V | @@ file PATH STATE | @@ backup PATH kept|written
#   @@ change PATH patched|pristine | @@ state STATE | @@ changed N | @@ dry-run ok |
#   @@ recorded PATH (its original is what the installed package's RECORD names) | @@ error NAME
# apply and revert print file and state lines before and, if they changed anything, after: the
# last ones hold.
# All others are for people.
#
# Exit codes
#   0 done (state: whatever the state)    6 writing failed; what was written is taken back
#   2 wrong usage                         7 verify: the files are not all patched
#   3 vLLM not found                      8 the patches are incomplete or damaged
#   4 a foreign file: nothing changed     9 another run is at work
#   5 a patch does not apply: nothing changed     130 interrupted; taken back

set -u
export LC_ALL=C
umask 022

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${PYTHON:-python3}
APPLIER=$HERE/apply_patch.py
VERB='' PATCHES='' BACKUP='' VLLM='' STAGE=''
PATHS=() ACTIONS=() SOURCES=() PRISTINE=() PATCHED=() OLDER=() RECORDED=() STATES=() DONE=()
FOUND='' VERSION=''
OVERALL='' REGISTRY='' PARSER='' BASE='' BASE_HASH=''

say() { printf '%s\n' "$*"; }

# die CODE NAME TEXT...
die() {
    local code=$1 name=$2
    shift 2
    say "@@ error $name"
    printf '%s\n' "$*" >&2
    exit "$code"
}

usage() {
    sed -n '3,14p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
    die 2 usage "$*"
}

hash_of() {
    local sum
    sum=$(sha256sum <"$1") && printf '%s\n' "${sum%% *}"
}

read_arguments() {
    [ $# -gt 0 ] || usage "No verb given."
    VERB=$1
    shift
    case $VERB in
        state | dry-run | apply | verify | revert | diff) ;;
        *) usage "Unknown verb: $VERB" ;;
    esac
    while [ $# -gt 0 ]; do
        [ $# -gt 1 ] || usage "$1 needs a value."
        case $1 in
            --patches) PATCHES=$2 ;;
            --backup) BACKUP=$2 ;;
            --vllm) VLLM=$2 ;;
            *) usage "Unknown option: $1" ;;
        esac
        shift 2
    done
    if [ -z "$PATCHES" ]; then
        PATCHES=$HERE
        [ -f "$HERE/manifest.toml" ] || PATCHES=$HERE/../patches
    fi
    [ -n "$BACKUP" ] || BACKUP=$HERE/../backup
}

# shellcheck source=assets/scripts/container/patches_lib.sh
. "$HERE/patches_lib.sh"

# move_to patched|pristine: the body of apply and revert
move_to() {
    local changed
    refuse_foreign
    rm -f -- "$VLLM"/*/.glm47-tui.* # of a run that was killed
    if [ "$OVERALL" = "$1" ] || [ "$OVERALL" = builtin ]; then
        say "Nothing to do."
        say "@@ changed 0"
        return
    fi
    stage "$1"
    if [ "$1" = patched ]; then
        back_up || die 6 backup "The originals cannot be kept in $BACKUP. Nothing was changed."
    fi
    trap interrupted INT TERM HUP
    if ! { commit "$1" && compile_all && look && [ "$OVERALL" = "$1" ]; }; then
        undo
        die 6 write "Writing in $VLLM failed (disk full? read-only?). What was written is taken back."
    fi
    trap '' INT TERM HUP
    changed=${#DONE[@]}
    report
    say "@@ changed $changed"
}

run() {
    local i
    case $VERB in
        state) ;;
        dry-run)
            refuse_foreign
            if [ "$OVERALL" = pristine ] || [ "$OVERALL" = partial ]; then stage patched; fi
            say "@@ dry-run ok"
            ;;
        apply) move_to patched ;;
        revert) move_to pristine ;;
        verify)
            refuse_foreign
            [ "$OVERALL" = patched ] || [ "$OVERALL" = builtin ] || die 7 unpatched "The files are not all patched: $OVERALL."
            ;;
        diff)
            refuse_foreign
            if [ "$OVERALL" = pristine ] || [ "$OVERALL" = partial ]; then stage patched; fi
            for i in "${!PATHS[@]}"; do
                [ ! -f "$STAGE/new/${PATHS[$i]}" ] ||
                    show_diff "$VLLM/${PATHS[$i]}" "$STAGE/new/${PATHS[$i]}" "a/${PATHS[$i]}" "b/${PATHS[$i]}"
            done
            ;;
    esac
    return 0
}

main() {
    read_arguments "$@"
    command -v "$PYTHON" >/dev/null || die 3 no-python "No $PYTHON in this container."
    read_manifest
    locate
    STAGE=$(mktemp -d) || die 6 write "No temporary folder can be made."
    trap clean_up EXIT
    if [ "$VERB" = apply ] || [ "$VERB" = revert ]; then
        mkdir -p -- "$BACKUP" || die 6 backup "$BACKUP cannot be made."
        if command -v flock >/dev/null && exec 9>"$BACKUP/.lock"; then
            flock -n 9 || die 9 busy "Another run is patching this vLLM."
        fi
    fi
    adopt_record
    look
    report
    run
}

main "$@"
