# Turns the first lines of bindings/data/digits.csv into C: a factory's images, a user's images of which most show digits
# from 0 to 4, and images to test on. Neighbours in the file have the same writer: every third image goes to each part.
function image(    i, text) {
    text = "    {" $65 ", {"
    for (i = 1; i <= 64; i++) text = text $i (i < 64 ? "," : "}},\n")
    return text
}
BEGIN { FS = "," }
NR > lines { exit }
NR % 3 == 0 { factory = factory image() }
# Of the digits from 5 to 9 the user's images have one in ten.
NR % 3 == 1 && ($65 < 5 || rare++ % 10 == 0) { user = user image() }
NR % 3 == 2 { test = test image() }
END {
    print "/* Made by digits.awk from bindings/data/digits.csv. */"
    print "static const digit FACTORY[] = {\n" factory "};"
    print "static const digit USER[] = {\n" user "};"
    print "static const digit TEST[] = {\n" test "};"
}
