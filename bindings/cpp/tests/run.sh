#!/bin/bash
# Tests hr_weights.hpp: strict compilation in every standard and compiler at hand, its contract, what must not compile.
#
#   bindings/cpp/tests/run.sh LIBDIR        (LIBDIR holds libhr_weights.a, such as target/release)
#
# CXX names the first compiler; clang++ is used as well where it is present, and valgrind and the
# sanitizers likewise, and xtensor. EIGEN is the directory of Eigen's headers.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
static=$(cd "$1" && pwd)/libhr_weights.a
contract=("$here/contract.cpp" "$here/calibration.cpp")
libraries=("$static" -lpthread -ldl -lm)
strict=(-Wall -Wextra -Werror -pedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor
    -Wcast-qual -Wduplicated-cond -Wlogical-op -Wnull-dereference -Wdouble-promotion
    "-I$root/include" "-I$root/bindings/cpp/include" -isystem "${EIGEN:-/usr/include/eigen3}")
# The newest one has its name from before it was finished, which older compilers want and newer ones still know.
standards=(c++17 c++20 c++2b)

compilers=("${CXX:-g++}")
if command -v clang++ >/dev/null && [ "${compilers[0]}" != clang++ ]; then compilers+=(clang++); fi

source "$root/tests/runner.sh"

# Not every compiler knows every warning.
strict_for() {
    case $("$1" --version) in
    *clang*) printf '%s\n' "${strict[@]}" | grep -vx -e -Wduplicated-cond -e -Wlogical-op ;;
    *) printf '%s\n' "${strict[@]}" ;;
    esac
}

# does_not_compile CASE WORDS COMPILER...: the compiler rejects the case, for the reason that has these words.
does_not_compile() {
    local case=$1 words=$2
    shift 2
    if "$@" "-DCASE=$case" -fsyntax-only "$here/refused.cpp" >"$work/refusal" 2>&1; then
        echo "case $case was accepted"
        return 1
    fi
    cat "$work/refusal"
    grep -Eq "$words" "$work/refusal"
}

for compiler in "${compilers[@]}"; do
    mapfile -t flags < <(strict_for "$compiler")
    for standard in "${standards[@]}"; do
        name="$compiler $standard"
        command=("$compiler" "-std=$standard" "${flags[@]}")
        check "contract, build, $name" "${command[@]}" -O1 "${contract[@]}" "${libraries[@]}" -o "$work/contract"
        check "contract, $name" prints_only_its_summary "$work/contract"
        check "layouts, build, $name" "${command[@]}" -O1 "$here/layouts.cpp" "${libraries[@]}" -o "$work/layouts"
        check "layouts, $name" prints_only_its_summary "$work/layouts"
        for without in "" "-fno-exceptions -fno-rtti"; do
            # shellcheck disable=SC2086
            check "two files, build, $name $without" "${command[@]}" -Weffc++ $without \
                "$here/include_twice.cpp" "$here/include_other.cpp" "${libraries[@]}" -o "$work/twice"
            check "two files, $name $without" "$work/twice"
        done
    done
    command=("$compiler" -std=c++17 "${flags[@]}")
    check "not C++14, $compiler" does_not_compile 0 "needs C\+\+17 or later" "$compiler" -std=c++14 "${flags[@]}"
    check "refused 0, $compiler" "${command[@]}" -DCASE=0 -fsyntax-only "$here/refused.cpp"
    check "refused 1, $compiler" does_not_compile 1 "the elements must be float or double" "${command[@]}"
    check "refused 2, $compiler" does_not_compile 2 "a contiguous range is needed" "${command[@]}"
    for case in 3 4 5; do
        check "refused $case, $compiler" does_not_compile "$case" "no (known )?conversion|could not convert|no matching" "${command[@]}"
    done
    for case in 6 7 8; do
        check "refused $case, $compiler" does_not_compile "$case" "nodiscard" "${command[@]}"
    done
    for case in 9 10 11; do
        check "refused $case, $compiler" does_not_compile "$case" "elements must lie one after another" "${command[@]}"
    done
    check "refused 12, $compiler" does_not_compile 12 "deleted" "${command[@]}"
    check "refused 13, $compiler" does_not_compile 13 "no (known )?conversion|could not convert|no matching" "${command[@]}"
    check "refused 14, $compiler" does_not_compile 14 "deleted" "${command[@]}"
    check "refused 15, $compiler" does_not_compile 15 "a batch lies row by row" "${command[@]}"
    check "refused 16, $compiler" does_not_compile 16 "rows lie one after another" "${command[@]}"
    for case in 17 18; do
        check "refused $case, $compiler" does_not_compile "$case" "deleted" "${command[@]}"
    done
    for case in 19 20; do
        check "refused $case, $compiler" does_not_compile "$case" "no (known )?conversion|could not convert|no matching" "${command[@]}"
    done
done

if echo '#include <xtensor/xtensor.hpp>' | "${compilers[0]}" -std=c++17 -x c++ -fsyntax-only - 2>/dev/null; then
    mapfile -t flags < <(strict_for "${compilers[0]}")
    check "xtensor, build" "${compilers[0]}" -std=c++17 "${flags[@]}" "$here/xtensor.cpp" "${libraries[@]}" -o "$work/xtensor"
    check "xtensor" prints_only_its_summary "$work/xtensor"
else
    echo "skipped: xtensor is not installed"
fi

command=("${compilers[0]}" -std=c++20 -O1 -g -DFOREIGN_ALLOCATOR "-I$root/include" "-I$root/bindings/cpp/include" "${contract[@]}")
if command -v valgrind >/dev/null; then
    check "build for valgrind" "${command[@]}" "${libraries[@]}" -o "$work/memcheck"
    check "contract under valgrind" prints_only_its_summary \
        valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=all "$work/memcheck"
else
    echo "skipped: valgrind is not installed"
fi
sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=all)
if echo 'int main() {}' | "${compilers[0]}" -x c++ "${sanitize[@]}" - -o "$work/probe" 2>/dev/null && "$work/probe"; then
    check "build with sanitizers" "${command[@]}" "${sanitize[@]}" "${libraries[@]}" -o "$work/sanitized"
    check "contract with sanitizers" prints_only_its_summary "$work/sanitized"
else
    echo "skipped: ${compilers[0]} has no sanitizers here"
fi

summary
