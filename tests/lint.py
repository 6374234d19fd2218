#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The walls of the house, checked by machine.

    tests/lint.py                  rules that read the sources
    tests/lint.py --built BUILD    also those that read the built libraries

Prints `ok RULE` or `not ok RULE` with what broke it, then the lines per folder.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARY = ("tensor", "autograd", "nn", "optim")
BELOW = {"tensor": ("tensor",), "autograd": ("tensor", "autograd"),
         "nn": ("tensor", "autograd", "nn"), "optim": ("tensor", "autograd", "optim")}

# Each door, who may use it, and the calls that count as using it.
DOORS = {
    "memory": (("tensor/alloc.c",),
               "malloc calloc realloc free aligned_alloc posix_memalign strdup strndup mmap"),
    # print.c writes to a stream that its caller opened.
    "files": (("tensor/io.c", "tensor/print.c"),
              "fopen fdopen freopen fread fwrite fclose creat openat opendir fsync fdatasync "
              "rename unlink remove mkstemp tmpfile stat fstat lstat fchmod realpath"),
    "threads": (("tensor/threads.c",), r"pthread_\w+ thrd_\w+ mtx_\w+ cnd_\w+ fork"),
    "processor": (("tensor/cpu.c",),
                  r"__builtin_cpu_\w+ __get_cpuid\w* __cpuid\w* getauxval _mm_[gs]etcsr"),
    "clock": (("tensor/cpu.c",), "clock_gettime gettimeofday timespec_get time clock"),
    "environment": (("tensor/cpu.c", "autograd/tape.c"), "getenv secure_getenv setenv"),
}
# A failed assertion of a debug build says where, then stops.
SILENT = (("tensor/error.c",),
          "printf fprintf vprintf vfprintf dprintf puts fputs putchar fputc putc perror exit _exit "
          "_Exit quick_exit abort assert raise signal")

# Objects with writable data, and why they may have them.
MUTABLE = {
    "tensor_alloc.c": "the memory door counts and fails on purpose",
    "tensor_io.c": "the file door counts, watches and fails on purpose",
    "tensor_cpu.c": "the instruction set, chosen once",
    "tensor_error.c": "sp_error, one per thread",
}
# Functions over 60 lines and files over 400, each with its reason.
LONG_FUNCTIONS = {}
LONG_FILES = {}
DEBUG_ONLY = {"sp_assert_failed"}
VAGUE = ("util", "utils", "common", "helper", "helpers", "misc", "stuff")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


def find(pattern, folders):
    found = [p for d in folders
             for p in glob.glob(os.path.join(ROOT, d, "**", pattern), recursive=True)]
    return sorted(os.path.relpath(p, ROOT) for p in found)


def c_files(folders=LIBRARY):
    return find("*.[ch]", folders)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def unsaid(match):
    return '""' + blank(match)[2:] if match.group()[0] == '"' else blank(match)


def code(path, _cache={}):
    """The file without comments and without what strings say, its lines in place."""
    if path not in _cache:
        parts = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
        _cache[path] = re.sub(parts, unsaid, read(path), flags=re.S)
    return _cache[path]


def calls(path, words):
    """(line, name) of each call or mention of one of these functions."""
    pattern = r"(?<![\w.>])(" + "|".join(words.split()) + r")\s*\("
    for n, line in enumerate(code(path).split("\n"), 1):
        for m in re.finditer(pattern, line):
            yield n, m.group(1)


# ---- rules: each yields sentences, none if all is well ----

def includes_point_down():
    for path in c_files():
        folder = path.split("/")[0]
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M):
            if not exists(name):
                yield f'{path}: "{name}" is not a path from the root'
            elif name.split("/")[0] not in BELOW[folder]:
                yield f"{path}: {folder} must not know {name}"


def doors_are_kept():
    for door, (keepers, words) in DOORS.items():
        for path in c_files():
            if path not in keepers:
                for line, name in calls(path, words):
                    yield f"{path}:{line}: {name} goes past the door of {door}"


def the_library_is_silent():
    for path in c_files():
        if path not in SILENT[0]:
            for line, name in calls(path, SILENT[1]):
                yield f"{path}:{line}: {name}"
        for m in re.finditer(r"\b(stdout|stderr)\b", code(path)):
            if path not in SILENT[0]:
                yield f"{path}: {m.group()}"


def layers_touch_no_data():
    for path in c_files(("nn",)):
        for n, line in enumerate(code(path).split("\n"), 1):
            if "->data" in line:
                yield f"{path}:{n}: layers are written in ops, not on data"


def opening(text, at):
    """Where the parenthesis opens that closes at `at`; rows of a table may stand before it."""
    depth = 0
    for i in range(at, -1, -1):
        depth += (text[i] == ")") - (text[i] == "(")
        if depth == 0:
            return i
    return 0


def functions(path):
    """(name, first line, last line) of each function body; directives are not code."""
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", blank, code(path), flags=re.M)
    depth, name = 0, None
    for m in re.finditer(r"[{}]", text):
        before = text[:m.start()].rstrip()
        if m.group() == "{":
            if depth == 0 and before.endswith('extern ""'):
                continue
            if depth == 0 and before.endswith(")"):
                name = re.search(r"(\w+)\s*$", text[:opening(text, len(before) - 1)])
            depth += 1
        else:
            depth = max(depth - 1, 0)
            if depth == 0 and name:
                first = text.count("\n", 0, name.start()) + 1
                yield name.group(1), first, text.count("\n", 0, m.start()) + 1
                name = None


def functions_are_short():
    sizes = []
    for path in c_files(LIBRARY + ("examples",)):
        for name, first, last in functions(path):
            sizes.append(last - first + 1)
            if last - first + 1 > 60 and f"{path}:{name}" not in LONG_FUNCTIONS:
                yield f"{path}:{first}: {name} has {last - first + 1} lines, more than 60"
    sizes.sort()
    if sizes and sizes[len(sizes) // 2] > 12:
        yield f"the median function has {sizes[len(sizes) // 2]} lines, more than 12"
    if sizes and sizes[len(sizes) * 9 // 10] > 30:
        yield f"one function in ten has {sizes[len(sizes) * 9 // 10]} lines or more; 30 is the most"


def files_are_short():
    for path in c_files(LIBRARY + ("examples", "tests")) + find("*.py", ("tests",)):
        n = read(path).count("\n")
        if n > 400 and path not in LONG_FILES:
            yield f"{path}: {n} lines, more than 400"


def text_files():
    kinds = ("*.[ch]", "*.py", "*.sh", "meson.build", "CMakeLists.txt")
    inside = [p for k in kinds for p in find(k, LIBRARY + ("examples", "tests"))]
    return sorted(inside + [p for p in ("spool.h", "meson.build", ".ci/run") if exists(p)])


def lines_are_tidy():
    for path in text_files():
        for n, line in enumerate(read(path).split("\n"), 1):
            if len(line) > 100:
                yield f"{path}:{n}: {len(line)} columns, more than 100"
            if line != line.rstrip():
                yield f"{path}:{n}: white space at the end"
            if "\t" in line:
                yield f"{path}:{n}: a tab"
        if not read(path).endswith("\n"):
            yield f"{path}: no newline at the end"


def every_file_names_its_licence():
    for path in text_files():
        if "SPDX-License-Identifier: MIT" not in "\n".join(read(path).split("\n")[:3]):
            yield f"{path}: no SPDX line at the top"


def no_loose_ends():
    for path in text_files():
        if path == "tests/lint.py":
            continue
        for n, line in enumerate(read(path).split("\n"), 1):
            if re.search(r"\b(TODO(?! ?#\d)|FIXME|XXX|HACK)\b", line) or line.strip() == "#if 0":
                yield f"{path}:{n}: {line.strip()}"
        if os.path.splitext(os.path.basename(path))[0].lower() in VAGUE:
            yield f"{path}: the name says nothing"


def every_folder_explains_itself():
    for folder in LIBRARY + ("examples", "tests"):
        if not exists(folder + "/README.md"):
            yield f"{folder}/README.md is missing"


def the_walk_through_is_the_example():
    """Its blocks of code, in order, are the op of examples/own_op.c, line for line."""
    text = read("autograd/README.md").partition("\n## An op of your own")[2]
    op = read("examples/own_op.c").partition("/* ---- the op ---- */\n")[2].partition("/* ----")[0]
    shown = "".join(re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S))
    if not op or shown.split() != op.split():
        yield "the code in autograd/README.md is not that of examples/own_op.c"


def every_test_file_is_built():
    listed = set(re.findall(r"'(\w+)'", read("tests/meson.build")))
    for path in glob.glob(os.path.join(ROOT, "tests", "test_*.c")):
        if os.path.basename(path)[5:-2] not in listed:
            yield f"{os.path.basename(path)} is not in the table of tests/meson.build"


def scripts_parse():
    for path in find("*.sh", ("tests", "examples")) + [".ci/run"]:
        done = subprocess.run(["sh", "-n", path], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            yield f"{path}: {done.stderr.strip()}"


def public_headers():
    headers = ["spool.h"] if exists("spool.h") else []
    for folder in LIBRARY:
        made = re.search(folder + r"_headers\s*=\s*files\(([^)]*)\)", read(f"{folder}/meson.build"))
        named = re.findall(r"'([^']+)'", made.group(1) if made else "")
        headers += [f"{folder}/{h}" for h in named]
    return headers


def compiles_alone(compiler, options, language):
    for path in public_headers():
        command = [compiler, *options, "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror",
                   "-fsyntax-only", "-I", ROOT, "-x", language, "-"]
        done = subprocess.run(command, input=f'#include "{path}"\n', capture_output=True, text=True)
        if done.returncode:
            yield f"{path}: {done.stderr.strip()[:400]}"


def public_headers_compile_alone_as_c11():
    options = ["-std=c11", "-pedantic", "-Wstrict-prototypes"]
    return compiles_alone(os.environ.get("CC", "gcc"), options, "c")


def public_headers_compile_alone_as_cpp():
    return compiles_alone(os.environ.get("CXX", "g++"), ["-std=c++17"], "c++")


# ---- rules about what was built ----

def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def declared():
    """Names of the functions and objects that public headers mark SP_API."""
    names = set()
    for path in public_headers():
        text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", blank, code(path), flags=re.M)
        for m in re.finditer(r"\bSP_API\b([^;{]*?);", text, re.S):
            declaration = re.sub(r"\bSP_[A-Z]+\s*\([^)]*\)", "", m.group(1))
            before = declaration.split("(")[0].split("[")[0]
            names.add(re.findall(r"\w+", before)[-1])
    return names - DEBUG_ONLY


def only_what_headers_declare_is_exported(built):
    lines = run("nm", "-D", "--defined-only", f"{built}/libspool.so").splitlines()
    shown = {line.split()[-1] for line in lines}
    for name in sorted(shown - declared()):
        yield f"{name} is exported and in no public header"
    for name in sorted(declared() - shown):
        yield f"{name} is declared SP_API and not exported"
    for name in sorted(n for n in shown if n.startswith("sp__") or not n.startswith("sp_")):
        yield f"{name} is exported and not named sp_"


def symbols(built):
    """(object, section, size, name) of each symbol of the four libraries and their kernels."""
    for archive in sorted(glob.glob(f"{built}/libsp_*.a")):
        member = ""
        for line in run("objdump", "-t", archive).splitlines():
            if ":     file format" in line:
                member = re.sub(r"\.o$", "", os.path.basename(line.split(":")[0]))
            m = re.match(r"[0-9a-f]+ .{7} (\S+)\t([0-9a-f]+)\s+(?:\.hidden )?(\S+)", line)
            if m:
                yield member, m.group(1), int(m.group(2), 16), m.group(3)


def no_static_data_can_change(built):
    """Literals of structs in constant tables are writable by C, but reached by const pointers."""
    for member, section, size, name in symbols(built):
        writable = re.match(r"\.(data|bss|tdata|tbss)\b(?!\.rel\.ro)|\*COM\*", section)
        if name.startswith("__compound_literal"):
            continue
        if writable and size and name != section and member not in MUTABLE:
            yield f"{member}: {name} in {section}"


def nothing_built_prints_exits_or_passes_a_door(built):
    doors = {"tensor_alloc.c": DOORS["memory"][1], "tensor_io.c": DOORS["files"][1]
             + " open close read write lseek fsync rename unlink closedir readdir kill"}
    banned = " ".join([SILENT[1], "stdout stderr __assert_fail _IO_putc open close read write",
                       *(words for _, words in DOORS.values())]).split()
    banned.remove("__builtin_cpu_\\w+")
    for member, section, _, name in symbols(built):
        if section != "*UND*":
            continue
        if any(re.fullmatch(w, re.sub(r"^__(\w+)_chk$", r"\1", name)) for w in banned):
            allowed = doors.get(member, "").split()
            path = member.replace("_", "/", 1)
            kept = any(path in keepers and any(re.fullmatch(w, name) for w in words.split())
                       for keepers, words in DOORS.values())
            if name not in allowed and not kept:
                yield f"{member} calls {name}"


def every_op_record_is_tried(built):
    """The suite goes through the table, so a record that is not in it would go untested."""
    table = "autograd/ops/table.c"
    if not exists(table):
        yield f"{table} is missing"
        return
    listed = set(re.findall(r"\w+", code(table)))
    for name in sorted({s[3][7:] for s in symbols(built) if s[3].startswith("sp__op_") and s[2]}):
        if name not in listed and "sp__op_" + name not in listed:
            yield f"{name} is not in {table}"


SOURCE_RULES = (includes_point_down, doors_are_kept, the_library_is_silent, layers_touch_no_data,
                functions_are_short, files_are_short, lines_are_tidy, every_file_names_its_licence,
                no_loose_ends, every_folder_explains_itself, the_walk_through_is_the_example,
                every_test_file_is_built, scripts_parse,
                public_headers_compile_alone_as_c11, public_headers_compile_alone_as_cpp)
BUILT_RULES = (only_what_headers_declare_is_exported, no_static_data_can_change,
               nothing_built_prints_exits_or_passes_a_door, every_op_record_is_tried)
TOOLS = {public_headers_compile_alone_as_cpp: os.environ.get("CXX", "g++"),
         **{rule: "objdump" for rule in BUILT_RULES}}


def check(rule, *args):
    title = rule.__name__.replace("_", " ")
    tool = TOOLS.get(rule)
    if tool and not shutil.which(tool):
        print(f"not ok {title}: {tool} is missing" if os.environ.get("CI")
              else f"skipped {title}: {tool} is not installed")
        return
    broken = list(rule(*args))
    print(("not ok " if broken else "ok ") + title)
    for sentence in broken[:20]:
        print("    " + sentence)
    if len(broken) > 20:
        print(f"    and {len(broken) - 20} more")


def main():
    for rule in SOURCE_RULES:
        check(rule)
    if sys.argv[1:2] == ["--built"]:
        for rule in BUILT_RULES:
            check(rule, os.path.abspath(sys.argv[2]))
    for folder in LIBRARY + ("examples", "tests"):
        sizes = [read(p).count("\n") for p in c_files((folder,))]
        print(f"{folder:10} {len(sizes):3} files {sum(sizes):6} lines of C")
    print("lint: done")


main()
