// Go's own library at work: `bench WHAT ROUNDS`, where WHAT is flate, regexp, sort or fannkuch. Prints a checksum.
package main

import (
	"bytes"
	"compress/flate"
	"hash/crc32"
	"io"
	"os"
	"regexp"
	"sort"
	"strconv"
)

var seed uint32 = 1

func random() uint32 {
	seed = seed*1664525 + 1013904223
	return seed >> 8
}

var words = [...]string{"process", "memory", "signals", "threads", "page", "queue", "lock", "faults"}

func prose(length int) []byte {
	var text []byte
	for i := 0; i < length; i++ {
		word := words[random()%8]
		text = append(text, word[:len(word)-int(random()%4)]...)
		text = strconv.AppendUint(text, uint64(random()%50), 10)
		text = append(text, " \n"[random()%2])
	}
	return text
}

func check(err error) {
	if err != nil {
		os.Stderr.WriteString("bench: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func flateRound() uint32 {
	text := prose(20000)
	var packed bytes.Buffer
	writer, err := flate.NewWriter(&packed, 6)
	check(err)
	_, err = writer.Write(text)
	check(err)
	check(writer.Close())
	size := uint32(packed.Len())
	back, err := io.ReadAll(flate.NewReader(&packed))
	check(err)
	return size + crc32.ChecksumIEEE(back)
}

var pattern = regexp.MustCompile(`([a-z]+)(\d)\d* (?:fau|pro|s[iu]g)[a-z ]*\d+`)

func regexpRound() uint32 {
	text := prose(10000)
	sum := uint32(0)
	for _, match := range pattern.FindAllSubmatch(text, -1) {
		sum = sum*31 + uint32(len(match[1])) + uint32(match[2][0])
	}
	return sum
}

func sortRound() uint32 {
	names := make([]string, 10000)
	counts := map[string]int{}
	for i := range names {
		names[i] = strconv.FormatUint(uint64(random()%100000), 36)
		counts[names[i]]++
	}
	sort.Strings(names)
	sort.SliceStable(names, func(i, j int) bool { return counts[names[i]] > counts[names[j]] })
	sum := uint32(0)
	for _, word := range names {
		sum = sum*31 + uint32(word[0])
	}
	return sum
}

func fannkuchRound() uint32 {
	const n = 8
	var order, count [n]int
	for i := range order {
		order[i] = i
	}
	most, sum := 0, uint32(0)
	for left := n; ; {
		for ; left > 1; left-- {
			count[left-1] = left
		}
		work, flips := order, 0
		for first := work[0]; first != 0; first = work[0] {
			for i, j := 0, first; i < j; i, j = i+1, j-1 {
				work[i], work[j] = work[j], work[i]
			}
			flips++
		}
		most, sum = max(most, flips), sum+uint32(flips)
		for ; ; left++ {
			if left == n {
				return sum<<8 + uint32(most)
			}
			first := order[0]
			copy(order[:left], order[1:left+1])
			order[left] = first
			if count[left]--; count[left] > 0 {
				break
			}
		}
	}
}

func main() {
	rounds := map[string]func() uint32{
		"flate": flateRound, "regexp": regexpRound, "sort": sortRound, "fannkuch": fannkuchRound,
	}
	times, err := strconv.Atoi(os.Args[2])
	check(err)
	sum := uint32(0)
	for ; times > 0; times-- {
		sum = sum*31 + rounds[os.Args[1]]()
	}
	os.Stdout.WriteString(strconv.FormatUint(uint64(sum), 10) + "\n")
}
