// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lockPoll is how often a held lock of the file is tried again.
const lockPoll = 50 * time.Millisecond

// ErrNoFile is wrapped when a keyring that was not read from a file is to
// change it.
var ErrNoFile = errors.New("the master key did not come from a file")

// ErrRotated is wrapped by DropOld when the file has another current master
// key than the keyring.
var ErrRotated = errors.New("another process has rotated the master key")

// AddCurrent draws a new master key and makes it the current one: first in the
// file, atomically and durably, then in this keyring. The others follow it and
// go on to open what they wrapped. If url is empty the new key is kept as the
// current one is, plain or wrapped by the same KMS key; otherwise the KMS key
// at url wraps it (the older lines stay as they are). The context bounds the
// wait for the file's lock and the calls to the KMS.
//
// On an error the keyring is as before, and so is the file, unless the last
// step, to make its new name durable, failed; calling again is safe. A crash
// leaves the file with the new key, or without. To resume, ask
// [Keyring.Masters]: more than one says that a rotation was begun. The error
// wraps [ErrNoFile] if there is nothing to rotate.
//
// Safe for concurrent use, by other processes of this host too; a file that is
// copied between hosts must be rotated on one of them only.
func (k *Keyring) AddCurrent(ctx context.Context, url string) error {
	return k.change(ctx, "add master key", func(masters []master, lines []line) ([]master, []string, error) {
		if url == "" {
			url = lines[0].url
		}
		text, m, err := draw(ctx, url, k.src.o)
		if err != nil {
			return nil, nil, err
		}
		texts := []string{text}
		for _, l := range lines {
			texts = append(texts, l.text)
		}
		return append([]master{m}, masters...), texts, nil
	})
}

// DropOld removes every master key but the current one, from the file
// atomically and durably, and from this keyring. What they wrapped is lost
// then: before, every process has to have the current key ([Keyring.Reload] or
// a restart), and each row to be wrapped by it ([Keyring.IsCurrent]). Without
// older keys it does nothing.
//
// On an error the keyring is as before; calling again is safe. The error wraps
// [ErrRotated] if the file's current key is not the keyring's, and [ErrNoFile]
// if there is no file. The context bounds the wait for the file's lock. Safe
// for concurrent use, as [Keyring.AddCurrent] is. Blocks of the old file may
// survive on the disk and in snapshots of it.
func (k *Keyring) DropOld(ctx context.Context) error {
	return k.change(ctx, "drop old master keys", func(masters []master, lines []line) ([]master, []string, error) {
		if masters[0].print != (*k.masters.Load())[0].print {
			return nil, nil, fmt.Errorf("%w: reload, re-wrap what is not current, and drop then", ErrRotated)
		}
		return masters[:1:1], []string{lines[0].text}, nil
	})
}

// change reads the file and replaces it by what edit makes of it, under the
// locks of the file and of the keyring.
func (k *Keyring) change(ctx context.Context, verb string, edit func([]master, []line) ([]master, []string, error)) error {
	if k.src == nil {
		return fmt.Errorf("%s: %w: change the text where it is kept", verb, ErrNoFile)
	}
	k.load.Lock()
	defer k.load.Unlock()
	unlock, err := k.src.lock(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	defer unlock()
	masters, lines, err := k.src.read(ctx, *k.masters.Load())
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	masters, texts, err := edit(masters, lines)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	if len(texts) != len(lines) { // nothing dropped is nothing to write
		if err := k.src.replace(texts); err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
	}
	k.masters.Store(&masters)
	return nil
}

// Reload reads the file again and switches to what it has: the current master
// key that another process added, or without the ones it dropped. It asks a KMS
// only for lines not seen before; the context bounds that. On an error the
// keyring is as before. Without a file it does nothing. Safe for concurrent use.
func (k *Keyring) Reload(ctx context.Context) error {
	if k.src == nil {
		return nil
	}
	k.load.Lock()
	defer k.load.Unlock()
	masters, _, err := k.src.read(ctx, *k.masters.Load())
	if err != nil {
		return fmt.Errorf("reload key file: %w", err)
	}
	k.masters.Store(&masters)
	return nil
}
