// The shapes of channels.py with goroutines for threads: prints {the beginning of the row's name: ns} as JSON.
package main

import (
	"encoding/json"
	"os"
	"sort"
	"time"
)

const values = 200000

func median(run func() float64) float64 {
	var found []float64
	for i := 0; i < 9; i++ {
		found = append(found, run())
	}
	sort.Float64s(found)
	return found[len(found)/2]
}

func per(n int, start time.Time) float64 {
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func alone() float64 {
	ch := make(chan any, 128)
	start := time.Now()
	for i := 0; i < values; i++ {
		ch <- nil
		<-ch
	}
	return per(values, start)
}

func handedOver(producers, consumers, capacity int) float64 {
	ch, done := make(chan any, capacity), make(chan bool)
	start := time.Now()
	for p := 0; p < producers; p++ {
		go func() {
			for i := 0; i < values; i++ {
				ch <- nil
			}
		}()
	}
	for c := 0; c < consumers; c++ {
		go func() {
			for i := 0; i < values*producers/consumers; i++ {
				<-ch
			}
			done <- true
		}()
	}
	for c := 0; c < consumers; c++ {
		<-done
	}
	return per(values*producers, start)
}

func roundTrips() float64 {
	there, back := make(chan any), make(chan any)
	go func() {
		for v := range there {
			back <- v
		}
	}()
	start := time.Now()
	for i := 0; i < values; i++ {
		there <- nil
		<-back
	}
	close(there)
	return per(values, start)
}

func selecting() float64 {
	full, quiet := make(chan any, values), make(chan any, 1)
	for i := 0; i < values; i++ {
		full <- nil
	}
	start := time.Now()
	for i := 0; i < values; i++ {
		select {
		case <-quiet:
		case <-full:
		}
	}
	return per(values, start)
}

func main() {
	json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"send + recv, one thread":                median(alone),
		"1 producer, 1 consumer, capacity 128":   median(func() float64 { return handedOver(1, 1, 128) }),
		"4 producers, 4 consumers, capacity 128": median(func() float64 { return handedOver(4, 4, 128) }),
		"round trip of two threads, capacity 0":  median(roundTrips),
		"select of two, one ready":               median(selecting),
	})
}
