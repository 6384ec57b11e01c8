package process

import (
	"os"
	"sync"
)

type waitingInput struct {
	bytes []byte
	done  func()
}

// inputQueue writes in order to a process that may not read for long.
type inputQueue struct {
	file       *os.File
	mu         sync.Mutex
	wake       *sync.Cond
	waiting    []waitingInput
	isEnding   bool
	isClosed   bool
	isOurs     bool
	isFinished bool
}

// With isOurs the file is closed at the end of the input.
func newInputQueue(file *os.File, isOurs bool) *inputQueue {
	q := &inputQueue{file: file, isOurs: isOurs}
	q.wake = sync.NewCond(&q.mu)
	go q.run()
	return q
}

func (q *inputQueue) write(bytes []byte, done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed || q.isEnding || q.isFinished {
		go done()
		return
	}
	q.waiting = append(q.waiting, waitingInput{bytes: bytes, done: done})
	q.wake.Signal()
}

func (q *inputQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.isEnding = true
	q.wake.Signal()
}

// Nothing reads any more.
func (q *inputQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.isClosed = true
	q.wake.Signal()
	if q.isOurs && !q.isFinished {
		q.file.Close()
	}
}

func (q *inputQueue) run() {
	for {
		q.mu.Lock()
		for len(q.waiting) == 0 && !q.isEnding && !q.isClosed {
			q.wake.Wait()
		}
		if len(q.waiting) == 0 {
			q.finish()
			q.mu.Unlock()
			return
		}
		next := q.waiting[0]
		q.waiting[0] = waitingInput{}
		q.waiting = q.waiting[1:]
		isClosed := q.isClosed
		q.mu.Unlock()
		if !isClosed {
			if _, err := q.file.Write(next.bytes); err != nil {
				q.mu.Lock()
				q.isClosed = true
				q.mu.Unlock()
			}
		}
		next.done()
	}
}

func (q *inputQueue) finish() {
	if q.isOurs && !q.isFinished {
		q.file.Close()
	}
	q.isFinished = true
}
