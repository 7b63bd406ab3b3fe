// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Gives a target the files of some folders, for compilers without libFuzzer: TARGET [-OPTION...] PATH...

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz.hpp"

namespace fs = std::filesystem;

namespace {

int replay(const fs::path &file) {
    std::ifstream           stream(file, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
    return 1;
}

} // namespace

int main(int argc, char **argv) {
    int played = 0;
    for (int i = 1; i < argc; ++i) {
        if (argv[i][0] == '-')
            continue; // for libFuzzer
        if (fs::is_directory(argv[i]))
            for (const fs::directory_entry &file : fs::directory_iterator(argv[i]))
                played += replay(file.path());
        else if (fs::exists(argv[i]))
            played += replay(argv[i]);
    }
    std::printf("%s: %d inputs replayed\n", argv[0], played);
    return played == 0;
}
