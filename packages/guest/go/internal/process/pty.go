package process

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

const (
	tiocgptn      = 0x80045430
	tiocsptlck    = 0x40045431
	tiocgptpeer   = 0x5441
	inputIsUTF8   = 0x4000
	terminalFlags = syscall.O_RDWR | syscall.O_NOCTTY | syscall.O_CLOEXEC
)

// Size of a terminal.
type Size struct {
	Columns int `json:"columns"`
	Rows    int `json:"rows"`
}

type windowSize struct{ rows, columns, width, height uint16 }

// openTerminal gives both ends of a new terminal; the master does not block.
func openTerminal(size Size) (master *os.File, slave int, err error) {
	fd, err := syscall.Open("/dev/ptmx", terminalFlags|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	slave, err = openSlave(fd)
	if err != nil {
		syscall.Close(fd)
		return nil, -1, err
	}
	resizeTerminal(fd, size)
	var settings syscall.Termios
	if control(slave, syscall.TCGETS, unsafe.Pointer(&settings)) == nil {
		settings.Iflag |= inputIsUTF8
		control(slave, syscall.TCSETS, unsafe.Pointer(&settings))
	}
	return os.NewFile(uintptr(fd), "terminal"), slave, nil
}

func openSlave(master int) (int, error) {
	unlocked := int32(0)
	if err := control(master, tiocsptlck, unsafe.Pointer(&unlocked)); err != nil {
		return -1, fmt.Errorf("unlock the terminal: %w", err)
	}
	// Needs no /dev/pts of this mount namespace.
	slave, _, failure := syscall.Syscall(syscall.SYS_IOCTL, uintptr(master), tiocgptpeer, terminalFlags)
	if failure == 0 {
		return int(slave), nil
	}
	number := uint32(0)
	if err := control(master, tiocgptn, unsafe.Pointer(&number)); err != nil {
		return -1, fmt.Errorf("name the terminal: %w", err)
	}
	path := fmt.Sprintf("/dev/pts/%d", number)
	opened, err := syscall.Open(path, terminalFlags, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return opened, nil
}

func resizeTerminal(fd int, size Size) error {
	window := windowSize{rows: uint16(size.Rows), columns: uint16(size.Columns)}
	return control(fd, syscall.TIOCSWINSZ, unsafe.Pointer(&window))
}

func control(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, failure := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); failure != 0 {
		return failure
	}
	return nil
}
