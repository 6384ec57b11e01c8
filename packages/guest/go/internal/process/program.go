package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const accessExecute = 1

// LookUp finds a program as execvp would: by path when it has a slash, else in PATH. The exit code is 0, 126 (there, but cannot be run) or 127.
func LookUp(program, directory, path string) (string, int) {
	if program == "" {
		return "", 127
	}
	var candidates []string
	if strings.Contains(program, "/") {
		candidates = []string{absolute(directory, program)}
	} else {
		for _, part := range filepath.SplitList(path) {
			candidates = append(candidates, filepath.Join(absolute(directory, part), program))
		}
	}
	exitCode := 127
	for _, candidate := range candidates {
		status, err := os.Stat(candidate)
		if err == nil && status.Mode().IsRegular() && syscall.Access(candidate, accessExecute) == nil {
			return candidate, 0
		}
		if err == nil || errors.Is(err, fs.ErrPermission) {
			exitCode = 126
		}
	}
	return "", exitCode
}

// IsDirectory follows symbolic links.
func IsDirectory(path string) bool {
	status, err := os.Stat(path)
	return err == nil && status.IsDir()
}

func absolute(directory, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(directory, path)
}
