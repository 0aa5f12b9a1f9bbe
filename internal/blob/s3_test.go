// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// s3 is a strict model of the part of S3 that is used: a versioned bucket with
// Object Lock. It refuses what S3 refuses.
type s3 struct {
	now func() time.Time

	mu       sync.Mutex // guards all below
	locked   bool       // the bucket has Object Lock
	versions map[string][]version
}

type version struct {
	id    string
	data  []byte
	until time.Time
}

type retention struct {
	XMLName         xml.Name `xml:"Retention"`
	Mode            string
	RetainUntilDate time.Time
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
}

func (s *s3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="):
		fail(w, 403, "AccessDenied")
	case bucket != "vault":
		fail(w, 404, "NoSuchBucket")
	case key == "" && q.Has("object-lock"):
		if !s.locked {
			fail(w, 404, "ObjectLockConfigurationNotFoundError")
			return
		}
		fmt.Fprint(w, `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`)
	case key == "" && q.Has("versions"):
		fmt.Fprint(w, `<ListVersionsResult><IsTruncated>false</IsTruncated>`)
		for name, all := range s.versions {
			for i, v := range all {
				if strings.HasPrefix(name, q.Get("prefix")) {
					fmt.Fprintf(w, `<Version><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%v</IsLatest><LastModified>%s</LastModified><ETag>"x"</ETag><Size>%d</Size></Version>`,
						name, v.id, i == len(all)-1, s.now().UTC().Format(time.RFC3339), len(v.data))
				}
			}
		}
		fmt.Fprint(w, `</ListVersionsResult>`)
	case key == "" && q.Has("location"):
		fmt.Fprint(w, `<LocationConstraint></LocationConstraint>`)
	case r.Method == http.MethodPut && !q.Has("retention"):
		s.put(w, r, key)
	default:
		s.object(w, r, key)
	}
}

func (s *s3) put(w http.ResponseWriter, r *http.Request, key string) {
	data, err := io.ReadAll(r.Body)
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		data = dechunk(data)
	}
	sum := md5.Sum(data)
	until, terr := time.Parse(time.RFC3339, r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	switch {
	case err != nil || r.Header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]):
		fail(w, 400, "InvalidRequest") // Object Lock wants a checksum
	case r.Header.Get("X-Amz-Object-Lock-Mode") != "COMPLIANCE" || terr != nil || !until.After(s.now()):
		fail(w, 400, "InvalidArgument")
	default:
		v := version{id: fmt.Sprintf("v%d", len(s.versions[key])+1), data: data, until: until}
		s.versions[key] = append(s.versions[key], v)
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum))
		w.Header().Set("X-Amz-Version-Id", v.id)
	}
}

// dechunk takes a body of signed chunks apart (aws-chunked).
func dechunk(b []byte) (data []byte) {
	for {
		head, rest, ok := bytes.Cut(b, []byte("\r\n"))
		size, err := strconv.ParseInt(strings.Split(string(head), ";")[0], 16, 64)
		if !ok || err != nil || size == 0 || int64(len(rest)) < size+2 {
			return data
		}
		data, b = append(data, rest[:size]...), rest[size+2:]
	}
}

func (s *s3) object(w http.ResponseWriter, r *http.Request, key string) {
	q := r.URL.Query()
	all := s.versions[key]
	if len(all) == 0 {
		fail(w, 404, "NoSuchKey")
		return
	}
	at := len(all) - 1
	if id := q.Get("versionId"); id != "" {
		if at = slices.IndexFunc(all, func(v version) bool { return v.id == id }); at < 0 {
			fail(w, 404, "NoSuchVersion")
			return
		}
	}
	v := &all[at]
	switch {
	case q.Has("retention") && r.Method == http.MethodGet:
		b, _ := xml.Marshal(retention{Mode: "COMPLIANCE", RetainUntilDate: v.until})
		_, _ = w.Write(b)
	case q.Has("retention"):
		var in retention
		if err := xml.NewDecoder(r.Body).Decode(&in); err != nil || in.RetainUntilDate.Before(v.until) {
			fail(w, 403, "AccessDenied")
			return
		}
		v.until = in.RetainUntilDate
	case r.Method == http.MethodDelete && q.Get("versionId") == "":
		fail(w, 500, "TheModelKnowsNoMarkers") // it would only hide the object
	case r.Method == http.MethodDelete && s.now().Before(v.until):
		fail(w, 403, "AccessDenied")
	case r.Method == http.MethodDelete:
		s.versions[key] = slices.Delete(all, at, at+1)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(v.data)))
		w.Header().Set("X-Amz-Version-Id", v.id)
		w.Header().Set("Last-Modified", s.now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(v.data)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(v.data)
		}
	}
}
