package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps"
)

// fileName is the journal in the folder of its run.
const fileName = "journal.jsonl"

// Writer writes the journal of one run. It may be used by many goroutines: those
// that announce acts at the same time wait for one sync of the disk together.
type Writer struct {
	redactor *secret.Redactor

	mu      sync.Mutex
	moved   *sync.Cond // when syncing ends
	file    *os.File
	size    int64 // of what was written whole
	seq     int   // of the last record
	synced  int   // the last that is on the disk
	syncing bool
	err     error // why nothing can be kept any more
}

var _ executor.Recorder = (*Writer)(nil)

// Create begins the journal of the run h.ID in a folder of its own below dir,
// which nobody else may enter.
func Create(dir string, redactor *secret.Redactor, h Header) (*Writer, error) {
	folder := filepath.Join(dir, h.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, placeProblem(dir, err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, placeProblem(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(folder, fileName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, placeProblem(dir, err)
	}
	w := &Writer{redactor: redactor, file: f}
	w.moved = sync.NewCond(&w.mu)
	h.Version = Version
	err = w.keep(Record{Type: TypeRun, Run: &h})
	for _, d := range []string{folder, dir} {
		if err == nil {
			err = syncDir(d)
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, placeProblem(dir, err)
	}
	return w, nil
}

func placeProblem(dir string, err error) error {
	return &steps.Problem{
		What: "no journal can be written in " + dir, Why: err.Error(),
		Do: "make room or a place there, or set LOCKSTEP_STATE_DIR to another folder", Err: steps.ErrRefused,
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Begins implements executor.Recorder.
func (w *Writer) Begins(a executor.Act) error {
	return w.keep(Record{Type: TypeAct, Act: a.Number, Host: a.Host, As: identity(a.As), Step: a.Step, Command: a.Run, Writes: written(a.Writes)})
}

// Ended implements executor.Recorder. The record is on the disk with the next
// act at the latest.
func (w *Writer) Ended(a executor.Act, e executor.Ending) {
	r := Record{Type: TypeDone, Act: a.Number, Host: a.Host, Code: e.Code, Changed: e.Done}
	if e.Err != nil {
		r.Error = e.Err.Error()
	}
	_, _ = w.append(r) // what fails is the next act's error
}

// Event keeps an event of a live run.
func (w *Writer) Event(e executor.Event) {
	if r, ok := told(e); ok {
		_, _ = w.append(r) // as above
	}
}

// Pause keeps what a person was asked, and the answer.
func (w *Writer) Pause(question string, agreed bool) {
	_, _ = w.append(Record{Type: TypePause, Message: question, Agreed: agreed}) // as above
}

// Interrupt keeps that the run was asked to stop.
func (w *Writer) Interrupt() { _, _ = w.append(Record{Type: TypeInterrupt}) } // as above

// Close keeps the exit of the run and ends the journal. Its error says what of
// the journal could not be kept.
func (w *Writer) Close(code int, reason string) error {
	err := w.keep(Record{Type: TypeEnd, Code: code, Message: reason})
	_ = w.file.Close() // it was synced
	return err
}

// keep writes a record and returns when it is on the disk, with all before it.
func (w *Writer) keep(r Record) error {
	seq, err := w.append(r)
	if err != nil {
		return err
	}
	return w.sync(seq)
}

// append writes a record. The first failure is that of all that follow.
func (w *Writer) append(r Record) (seq int, err error) {
	r = secret.Copy(w.redactor, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	r.Seq, r.Time = w.seq+1, time.Now().UTC()
	line, err := json.Marshal(r)
	if err == nil {
		line = append(line, '\n')
		_, err = w.file.Write(line)
	}
	if err != nil {
		_ = w.file.Truncate(w.size) // no half line, where that can be done
		w.err = lost(w.file.Name(), err)
		return 0, w.err
	}
	w.seq, w.size = r.Seq, w.size+int64(len(line))
	return r.Seq, nil
}

// sync returns when the record seq is on the disk. One of those that wait at the
// same time does it for all.
func (w *Writer) sync(seq int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.synced < seq && w.err == nil {
		if w.syncing {
			w.moved.Wait()
			continue
		}
		w.syncing = true
		upto := w.seq
		w.mu.Unlock()
		err := w.file.Sync()
		w.mu.Lock()
		w.syncing = false
		if w.synced = upto; err != nil {
			w.err = lost(w.file.Name(), err)
		}
		w.moved.Broadcast()
	}
	return w.err
}

func lost(file string, err error) error {
	return &steps.Problem{
		What: "the journal of the run cannot be written any more", Why: fmt.Sprintf("%s: %v", file, err),
		Do: "make room there, then go on with a new run: it looks at all hosts first",
	}
}
