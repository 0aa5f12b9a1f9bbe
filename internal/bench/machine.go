// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine describes where the figures come from: processor, cores, memory,
// system and Go version. What can not be found out is left out.
func Machine() string {
	parts := []string{fmt.Sprintf("%d cores", runtime.GOMAXPROCS(0))}
	if model := procField("/proc/cpuinfo", "model name"); model != "" {
		parts = append([]string{model}, parts...)
	}
	if kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		parts = append(parts, fmt.Sprintf("%.0f GB", float64(kb)/1e6))
	}
	return strings.Join(append(parts, runtime.GOOS+"/"+runtime.GOARCH, runtime.Version()), ", ")
}

// procField reads one field of a file of Linux's /proc, "" where there is none.
func procField(file, field string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// resetPeak begins a new peak of resident memory, where the system can.
func resetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // else the peak is that since the start
}

// peakMemory is the peak of resident memory in bytes, the load generator
// included, or where the system does not tell, what Go has from it.
func peakMemory() (n int64, what string) {
	kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/self/status", "VmHWM"), " kB"), 10, 64)
	if err == nil {
		return kb * 1024, "peak of resident memory under batches, load generator included"
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys), "memory taken from the system, load generator included"
}
