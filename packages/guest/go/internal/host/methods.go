package host

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"clauderon.dev/guest/internal/process"
)

var sandboxName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// methods are called under the host's lock and answer with one response or one failure.
var methods map[string]func(h *Host, one *call) (any, error)

func init() {
	methods = map[string]func(h *Host, one *call) (any, error){
		"host.info":       func(h *Host, _ *call) (any, error) { return h.info(), nil },
		"sandbox.open":    (*Host).openSandbox,
		"sandbox.list":    (*Host).listSandboxes,
		"sandbox.inspect": (*Host).inspectSandbox,
		"sandbox.stop":    (*Host).stopSandbox,
		"sandbox.close":   (*Host).closeSandbox,
		"agent.start":     (*Host).startAgent,
		"agent.wait":      (*Host).waitForAgent,
		"agent.attach":    (*Host).attachAgent,
		"sandbox.exec":    (*Host).execInSandbox,
		"stream.resize":   (*Host).resizeStream,
		"stream.signal":   (*Host).signalStream,
		"channel.carry":   (*Host).carryChannel,
	}
}

func (h *Host) openSandbox(one *call) (any, error) {
	var texts [4]string
	for index, name := range []string{"sandboxId", "instanceId", "name", "cwd"} {
		text, err := one.parameters.Text(name)
		if err != nil {
			return nil, err
		}
		texts[index] = text
	}
	if !sandboxName.MatchString(texts[0]) {
		return nil, refused("The sandboxId has other characters than letters, digits, - and _")
	}
	environment, err := one.parameters.environment("environment")
	if err != nil {
		return nil, err
	}
	if existing := h.sandboxes[texts[0]]; existing != nil {
		if stopping := existing.stopping; stopping != nil {
			return one.outside(func(<-chan struct{}) (any, error) {
				<-stopping.done
				h.mu.Lock()
				defer h.mu.Unlock()
				existing.open(environment)
				return empty{}, nil
			})
		}
		existing.open(environment)
		return empty{}, nil
	}
	if environment == nil {
		return nil, Refuse("sandbox.not-found", "A new sandbox needs an environment")
	}
	h.sandboxes[texts[0]] = newSandbox(h, sandboxStatus{SandboxID: texts[0], InstanceID: texts[1], Name: texts[2], Cwd: texts[3], State: "running"}, environment)
	return empty{}, nil
}

func (h *Host) listSandboxes(*call) (any, error) {
	all := []sandboxStatus{}
	for _, one := range h.sandboxes {
		all = append(all, one.status())
	}
	return map[string]any{"sandboxes": all}, nil
}

func (h *Host) inspectSandbox(one *call) (any, error) {
	sandboxID, err := one.parameters.Text("sandboxId")
	if err != nil {
		return nil, err
	}
	if found := h.sandboxes[sandboxID]; found != nil {
		return map[string]any{"sandbox": found.status()}, nil
	}
	return empty{}, nil
}

func (h *Host) stopSandbox(one *call) (any, error) {
	found, err := h.sandbox(one)
	if err != nil {
		return nil, err
	}
	grace, err := one.parameters.Count("graceMs", defaultGraceMs)
	if err != nil {
		return nil, err
	}
	return one.outside(func(<-chan struct{}) (any, error) {
		ended, left := found.stop(time.Duration(grace) * time.Millisecond)
		return map[string]any{"ended": ended, "left": left}, nil
	})
}

func (h *Host) closeSandbox(one *call) (any, error) {
	sandboxID, err := one.parameters.Text("sandboxId")
	if err != nil {
		return nil, err
	}
	grace, err := one.parameters.Count("graceMs", defaultGraceMs)
	found := h.sandboxes[sandboxID]
	if err != nil || found == nil {
		return empty{}, err
	}
	return one.outside(func(<-chan struct{}) (any, error) {
		_, left := found.stop(time.Duration(grace) * time.Millisecond)
		if len(left) > 0 {
			text := strings.Trim(fmt.Sprint(left), "[]")
			return nil, Refuse("internal", "The processes "+text+" could not be ended", "kill -9 "+text)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.sandboxes[sandboxID] == found {
			delete(h.sandboxes, sandboxID)
		}
		return empty{}, nil
	})
}

func (h *Host) startAgent(one *call) (any, error) {
	mode, err := one.parameters.Text("mode")
	if err != nil {
		return nil, err
	}
	if mode != "terminal" && mode != "headless" {
		return nil, refused("The mode is terminal or headless")
	}
	found, err := h.sandbox(one)
	if err != nil {
		return nil, err
	}
	request := launch{mode: mode, size: process.Size{Columns: 80, Rows: 24}}
	if request.launchID, err = one.parameters.Text("launchId"); err != nil {
		return nil, err
	}
	if request.argv, err = one.parameters.argv("argv"); err != nil {
		return nil, err
	}
	if request.environment, err = one.parameters.environment("environment"); err != nil {
		return nil, err
	}
	size, err := one.parameters.size("size")
	if err != nil {
		return nil, err
	}
	if size != nil {
		request.size = *size
	}
	return found.startAgent(request)
}

func (h *Host) waitForAgent(one *call) (any, error) {
	found, err := h.sandbox(one)
	if err != nil {
		return nil, err
	}
	agent := found.agent
	if agent == nil || !agent.isRunning() {
		return found.agentStatus(), nil
	}
	return one.outside(func(given <-chan struct{}) (any, error) {
		select {
		case <-agent.ended:
		case <-given:
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		return agent.status(), nil
	})
}

func (h *Host) attachAgent(one *call) (any, error) {
	found, err := h.sandbox(one)
	if err != nil {
		return nil, err
	}
	agent := found.agent
	if agent == nil {
		return nil, Refuse("agent.ended", "The agent was never started", "start the session")
	}
	size, err := one.parameters.size("size")
	if err != nil {
		return nil, err
	}
	since, err := one.parameters.Count("since", 0)
	if err != nil {
		return nil, err
	}
	credit, err := one.parameters.Count("credit", limits.OutputWindowBytes)
	if err != nil {
		return nil, err
	}
	viewer := newViewer(agent, one.c, one.id)
	viewer.cursor = min(uint64(since), agent.ring.End())
	viewer.window = min(credit, limits.OutputWindowBytes)
	viewer.isReplayOnly = one.parameters.flag("isReplayOnly")
	if err := one.addStream(viewer); err != nil {
		return nil, err
	}
	if size != nil {
		agent.resize(*size)
	}
	agent.viewers[viewer] = true
	one.respond(map[string]any{"agent": agent.status(), "start": agent.ring.Start(), "end": agent.ring.End()})
	viewer.flush()
	agent.regulate()
	return answered, nil
}

func (h *Host) execInSandbox(one *call) (any, error) {
	found, err := h.sandbox(one)
	if err != nil {
		return nil, err
	}
	request := execRequest{}
	if request.argv, err = one.parameters.argv("argv"); err != nil {
		return nil, err
	}
	if request.environment, err = one.parameters.environment("environment"); err != nil {
		return nil, err
	}
	if request.terminal, err = one.parameters.size("terminal"); err != nil {
		return nil, err
	}
	credit, err := one.parameters.Count("credit", limits.OutputWindowBytes)
	if err != nil {
		return nil, err
	}
	cwd, err := one.parameters.optionalText("cwd")
	if err != nil {
		return nil, err
	}
	request.cwd = found.known.Cwd
	if filepath.IsAbs(cwd) {
		request.cwd = cwd
	} else if cwd != "" {
		request.cwd = filepath.Join(found.known.Cwd, cwd)
	}
	if one.parameters.has("timeoutMs") {
		milliseconds, err := one.parameters.Count("timeoutMs", 0)
		if err != nil {
			return nil, err
		}
		timeout := time.Duration(milliseconds) * time.Millisecond
		request.timeout = &timeout
	}
	var stdin string
	request.hasInput = one.parameters.read("stdin", &stdin) && stdin == "pipe"
	e := newExec(one.c, one.id, min(credit, limits.OutputWindowBytes))
	if err := one.addStream(e); err != nil {
		return nil, err
	}
	if err := found.startExec(e, request); err != nil {
		return nil, err
	}
	if e.process == nil {
		return empty{}, nil
	}
	return map[string]any{"processId": e.process.ID}, nil
}

func (h *Host) resizeStream(one *call) (any, error) {
	size, err := one.parameters.size("size")
	if err != nil {
		return nil, err
	}
	if size == nil {
		return nil, refused("A size is needed")
	}
	id, err := one.parameters.Count("stream", 0)
	if err != nil {
		return nil, err
	}
	if e, ok := one.c.streams[uint32(id)].(*exec); ok {
		if e.process != nil {
			e.process.Resize(*size)
		}
		return empty{}, nil
	}
	var sandboxID string
	one.parameters.read("sandboxId", &sandboxID)
	if found := h.sandboxes[sandboxID]; found != nil && found.agent != nil {
		found.agent.resize(*size)
	}
	return empty{}, nil
}

func (h *Host) signalStream(one *call) (any, error) {
	name, err := one.parameters.Text("signal")
	if err != nil {
		return nil, err
	}
	signal, ok := process.SignalOf(name)
	if !ok {
		return nil, refused("There is no signal " + name)
	}
	id, err := one.parameters.Count("stream", 0)
	if err != nil {
		return nil, err
	}
	if e, ok := one.c.streams[uint32(id)].(*exec); ok {
		e.signal(signal)
	}
	return empty{}, nil
}

// The connection is a carrier of the channel from its response on.
func (h *Host) carryChannel(one *call) (any, error) {
	if h.options.Carry == nil {
		return nil, refused("This guest has no channel")
	}
	if len(one.c.streams) > 0 {
		return nil, refused("A connection with open streams cannot become a carrier")
	}
	one.respond(empty{})
	one.c.isLeaving = true
	delete(h.connections, one.c)
	one.c.changed.Broadcast()
	return answered, nil
}

func (h *Host) sandbox(one *call) (*sandbox, error) {
	sandboxID, err := one.parameters.Text("sandboxId")
	if err != nil {
		return nil, err
	}
	if found := h.sandboxes[sandboxID]; found != nil {
		return found, nil
	}
	return nil, Refuse("sandbox.not-found", "There is no sandbox "+sandboxID, "create the session anew")
}
