#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
int main() {
    std::string word;
    std::cin >> word;
    if (word == "sum") {
        long long sum = 0, n;
        while (std::cin >> n) sum += n;
        std::cout << sum << " é" << std::endl;
    } else if (word == "exit") return 3;
    else if (word == "throw") throw std::runtime_error("no");
    else if (word == "spin") for (volatile int i = 0;; i = i + 1);
    else if (word == "hog") for (std::vector<std::string> all;;) all.emplace_back(1 << 20, 'x');
    else {
        int total[2] = {0, 0};
        std::thread first([&] { total[0] = 1; }), second([&] { total[1] = 2; });
        first.join();
        second.join();
        std::cout << total[0] + total[1] << std::endl;
    }
}
