package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lockstep/bench/harden"
	"lockstep/bench/wire"
)

// memory is a file system in memory, where the hosts are.
const memory = "/dev/shm"

// everywhere is all addresses of the benchmark's own network, which has no
// others than loopback.
const everywhere = "0.0.0.0"

// world is what all tools work on.
type world struct {
	job      *harden.Job
	dir      string // private files of the benchmark
	lockstep string // the program that is measured
	self     string // this program
	server   *wire.Server
	proxies  map[time.Duration]*wire.Proxy
}

func newWorld(o options) (w *world, err error) {
	w = &world{lockstep: filepath.Join("bin", "lockstep"), proxies: map[time.Duration]*wire.Proxy{}}
	if err := w.look(o); err != nil {
		return nil, err
	}
	if w.dir, err = os.MkdirTemp(memory, "lockstep-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.self, err = os.Executable(); err != nil {
		return w, err
	}
	if w.job, err = harden.New(filepath.Join(w.dir, "hosts")); err != nil {
		return w, err
	}
	if w.server, err = wire.NewServer(w.dir, everywhere); err != nil {
		return w, err
	}
	return w, errors.Join(w.job.WritePlan(w.dir), w.job.WritePlaybook(w.dir), w.writeConfigs())
}

// look makes sure that all is there that will be started.
func (w *world) look(o options) error {
	need := map[string]string{"/usr/sbin/sshd": "openssh-server", "/usr/bin/scp": "openssh-client"}
	if !o.bare {
		need[ansiblePlaybook] = "ansible-core"
		need[mitogenStrategy] = "ansible-mitogen"
	}
	var missing []string
	for file, packet := range need {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, packet)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not installed: %v; get them with apt-get install --no-install-recommends, or leave Ansible out with -bare", missing)
	}
	if _, err := os.Stat(w.lockstep); err != nil {
		return fmt.Errorf("%w; make it with `make build` and start from the top of the repository", err)
	}
	return nil
}

// port is where the server is that far away.
func (w *world) port(rtt time.Duration) (int, error) {
	if rtt == 0 {
		return w.server.Port, nil
	}
	if p := w.proxies[rtt]; p != nil {
		return p.Port, nil
	}
	p, err := wire.NewProxy(everywhere, fmt.Sprintf("127.0.0.1:%d", w.server.Port), rtt)
	if err != nil {
		return 0, err
	}
	w.proxies[rtt] = p
	return p.Port, nil
}

func (w *world) close() {
	for _, p := range w.proxies {
		p.Close()
	}
	if w.server != nil {
		w.server.Close()
	}
	_ = os.RemoveAll(w.dir)
}
