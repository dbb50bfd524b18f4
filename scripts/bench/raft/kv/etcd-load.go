// The load of the key-value benchmark on etcd: so many goroutines over so many connections of clientv3, each asks again when it has its
// answer. Takes the work as JSON in its first argument, prints the figures of each step as one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
	"google.golang.org/grpc"
)

type step struct {
	Op      string `json:"op"`
	Clients int    `json:"clients"`
	WarmMs  int    `json:"warmMs"`
	Ms      int    `json:"ms"`
}

type work struct {
	Endpoints   []string `json:"endpoints"`
	Connections int      `json:"connections"`
	Keys        int      `json:"keys"`
	ValueBytes  int      `json:"valueBytes"`
	Steps       []step   `json:"steps"`
}

type figures struct {
	PerSecond float64 `json:"perSecond"`
	P50Ms     float64 `json:"p50Ms"`
	P99Ms     float64 `json:"p99Ms"`
}

func main() {
	var todo work
	check(json.Unmarshal([]byte(os.Args[1]), &todo))
	clients := connect(todo)
	fill(clients[0], todo)
	all := []figures{}
	for _, each := range todo.Steps {
		run(clients, todo, each, each.WarmMs)
		all = append(all, run(clients, todo, each, each.Ms))
	}
	check(json.NewEncoder(os.Stdout).Encode(all))
}

// Each connection is to one endpoint, in turn: the client's own balancer would do the same with less say.
func connect(todo work) []*clientv3.Client {
	clients := []*clientv3.Client{}
	for i := 0; i < todo.Connections; i++ {
		endpoint := todo.Endpoints[i%len(todo.Endpoints)]
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{endpoint},
			DialTimeout: 10 * time.Second,
			DialOptions: []grpc.DialOption{grpc.WithBlock()},
		})
		check(err)
		clients = append(clients, client)
	}
	return clients
}

func fill(client *clientv3.Client, todo work) {
	value := string(make([]byte, todo.ValueBytes))
	for at := 0; at < todo.Keys; at += 100 {
		puts := []clientv3.Op{}
		for i := at; i < at+100 && i < todo.Keys; i++ {
			puts = append(puts, clientv3.OpPut(keyOf(i), value))
		}
		_, err := client.Txn(context.Background()).Then(puts...).Commit()
		check(err)
	}
}

func run(clients []*clientv3.Client, todo work, each step, ms int) figures {
	begin := time.Now()
	end := begin.Add(time.Duration(ms) * time.Millisecond)
	times := make([][]time.Duration, each.Clients)
	var group sync.WaitGroup
	for i := 0; i < each.Clients; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			times[i] = ask(clients[i%len(clients)], todo, each.Op, rand.New(rand.NewSource(int64(i))), end)
		}(i)
	}
	group.Wait()
	return figuresOf(times, time.Since(begin))
}

func ask(client *clientv3.Client, todo work, op string, random *rand.Rand, end time.Time) []time.Duration {
	value := make([]byte, todo.ValueBytes)
	random.Read(value)
	times := []time.Duration{}
	for {
		from := time.Now()
		if from.After(end) {
			return times
		}
		key := keyOf(random.Intn(todo.Keys))
		var err error
		if op == "put" {
			_, err = client.Put(context.Background(), key, string(value))
		} else {
			_, err = client.Get(context.Background(), key)
		}
		check(err)
		times = append(times, time.Since(from))
	}
}

func figuresOf(times [][]time.Duration, took time.Duration) figures {
	all := []time.Duration{}
	for _, each := range times {
		all = append(all, each...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(share*float64(len(all)-1))].Nanoseconds()) / 1e6
	}
	return figures{float64(len(all)) / took.Seconds(), at(0.5), at(0.99)}
}

func keyOf(i int) string { return fmt.Sprintf("key-%06d", i) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
