package figure

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Open shows a file in the desktop's viewer, without waiting for it. It does nothing if there is no
// desktop or no viewer.
func Open(name string) {
	if path, err := filepath.Abs(name); err == nil {
		name = path // no name that begins with a dash is mistaken for an option
	}
	var viewer *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		viewer = exec.Command("rundll32", "url.dll,FileProtocolHandler", name)
	case "darwin":
		viewer = exec.Command("open", name)
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return
		}
		viewer = exec.Command("xdg-open", name)
	}
	if viewer.Start() == nil {
		go viewer.Wait()
	}
}
