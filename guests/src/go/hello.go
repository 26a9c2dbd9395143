// The least a Go program needs; its runtime is most of the binary.
package main

import "fmt"

func main() {
	fmt.Println("Hello from Go")
}
