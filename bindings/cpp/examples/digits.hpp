// Real handwritten digits, some of them with a wrong label: the data of all examples in this directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace digits {

constexpr std::size_t PIXELS = 64, CLASSES = 10;

struct Dataset {
    std::vector<float> images; // PIXELS values in [0, 1] for each image, one image after the other
    std::vector<int> labels;   // from 0 to CLASSES - 1

    std::size_t size() const { return labels.size(); }
    const float *image(std::size_t i) const { return images.data() + i * PIXELS; }

    void add(const float *image, int label)
    {
        images.insert(images.end(), image, image + PIXELS);
        labels.push_back(label);
    }
};

// Reads lines of PIXELS integers from 0 to 16 and a label, separated by commas. Throws std::runtime_error that says what is
// wrong with which line.
inline Dataset read(const std::string &path)
{
    std::ifstream file(path);
    if (!file)
        throw std::runtime_error("cannot open " + path);
    Dataset data;
    for (std::string text; std::getline(file, text);) {
        std::istringstream line(text);
        const auto field = [&](int most, char end) {
            int value;
            char after = '\n';
            if (!(line >> value) || value < 0 || value > most || (line.get(after), after != end))
                throw std::runtime_error(path + ", line " + std::to_string(data.size() + 1) +
                                         ": expected 64 pixels from 0 to 16 and a label from 0 to 9");
            return value;
        };
        float image[PIXELS];
        for (float &pixel : image)
            pixel = static_cast<float>(field(16, ',')) / 16.0f;
        data.add(image, field(CLASSES - 1, '\n'));
    }
    return data;
}

// A random split into parts of the given sizes, in the first of which `wrong` images get a uniformly drawn other label; what
// is left over makes one more part. The same for the same seed, everywhere: the distributions of <random> would not be.
inline std::vector<Dataset> split(const Dataset &data, const std::vector<std::size_t> &sizes, std::size_t wrong,
                                  std::uint64_t seed)
{
    if (std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}) >= data.size())
        throw std::runtime_error("not enough images for this split");
    std::mt19937_64 random(seed);
    std::vector<std::size_t> order(data.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; i--)
        std::swap(order[i - 1], order[random() % i]);

    std::vector<Dataset> parts(sizes.size() + 1);
    std::size_t part = 0;
    for (const std::size_t i : order) {
        if (part < sizes.size() && parts[part].size() == sizes[part])
            part++;
        const bool lie = part == 0 && parts[0].size() < wrong;
        const int shift = lie ? 1 + static_cast<int>(random() % (CLASSES - 1)) : 0;
        parts[part].add(data.image(i), (data.labels[i] + shift) % static_cast<int>(CLASSES));
    }
    return parts;
}

} // namespace digits
