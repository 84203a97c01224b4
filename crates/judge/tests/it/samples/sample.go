package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	var word string
	fmt.Fscan(in, &word)
	switch word {
	case "sum":
		var sum, n int64
		for {
			if _, err := fmt.Fscan(in, &n); err != nil {
				break
			}
			sum += n
		}
		fmt.Println(sum, "é")
	case "exit":
		os.Exit(3)
	case "throw":
		panic("no")
	case "spin":
		for {
		}
	case "hog":
		var all [][]byte
		for {
			block := make([]byte, 1<<20)
			for i := range block {
				block[i] = 1
			}
			all = append(all, block)
		}
	default:
		results := make(chan int)
		for i := 1; i < 3; i++ {
			go func(n int) { results <- n }(i)
		}
		fmt.Println(<-results + <-results)
	}
}
