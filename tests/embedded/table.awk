# Turns tests/data/high_precision.txt into C: the problems, without their answers.
function number(text) {
    if (text == "nan") return "NAN"
    if (text == "inf") return "INFINITY"
    if (text == "-inf") return "-INFINITY"
    return text
}
function append(list,    i) {
    for (i = 2; i <= NF; i++) list = list number($i) (i % 8 ? ", " : ",\n")
    return list "\n"
}
$1 == "case" { name = $2 }
$1 == "ordering" { ordering = $2 }
$1 == "alpha" { alpha = number($2) }
$1 == "r" { r = number($2) }
$1 == "worst_loss" { worst = number($2) }
$1 == "losses" {
    n = NF - 1
    first = samples
    samples += n
    losses = losses append("")
    if (n > most) most = n
}
$1 == "base" {
    base = -1
    if ($2 != "none") {
        base = masses
        masses += n
        bases = bases append("")
    }
    cases = cases sprintf("    {\"%s\", HRW_%s, %s, %s, %s, %d, %d, %d},\n", name, ordering, alpha, r, worst, n, first, base)
}
END {
    print "/* Made by table.awk. */"
    print "enum { MOST_SAMPLES = " most " };"
    print "static const double LOSSES[] = {\n" losses "};"
    print "static const double BASES[] = {\n" bases "};"
    print "static const problem PROBLEMS[] = {\n" cases "};"
}
