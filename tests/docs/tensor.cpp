// A block that reads and writes the memory of tensors.
#include <hr_weights.hpp>

namespace hrw = hr_weights;

struct tensor {
    std::vector<float> elements;

    template <class T>
    T *data_ptr()
    {
        return elements.data();
    }
};

int main()
{
    tensor losses{{0.3f, 2.0f, 0.1f}}, weights{{0.0f, 0.0f, 0.0f}};
    const std::size_t n = 3;
    const hrw::options options{0.05, 0.1};
BLOCK
    return weights.elements[1] <= 0.5f;
}
