// A block that computes weights `w` from losses.
#include <vector>

int main()
{
BLOCK
    return w.size() != losses.size();
}
