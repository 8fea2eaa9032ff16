package main

import (
	"encoding/json"
	"os"
	"strings"
)

type Critical struct {
	Identity struct {
		DockerReference string `json:"docker-reference"`
	} `json:"identity"`
	Image struct {
		DockerManifestDigest string `json:"docker-manifest-digest"`
	} `json:"image"`
	Type string `json:"type"`
}
type Payload struct {
	Critical Critical       `json:"critical"`
	Optional map[string]any `json:"optional"`
}
type Case struct {
	DockerReference string         `json:"dockerReference"`
	Annotations     map[string]any `json:"annotations"`
	Printed         string         `json:"printed"`
}

func main() {
	all := ""
	for i := 0; i < 0x30; i++ {
		all += string(rune(i))
	}
	all += "<>&\u2028\u2029\u007f\u0080\u009f\u00e9\u20ac\ufffd\uffff\U0001F600\\\"'/`z"
	refs := []string{"registry.acme.test/team/app", "index.docker.io/library/busybox", "localhost:5000/a/b", "[::1]:5000/x"}
	anns := []map[string]any{nil, {"env": "prod"}, {"b": "2", "a": "1", "B": "3", "": "empty", "a.b": "x", "a-b": "y"}, {"html": "<script>&amp;</script>", "k<>&": "v"}, {"all": all, all: "all"}, {"\U0001F600": "beyond", "\ufb33": "below", "\u00e9": "e", "z": "z", "\uffff": "last"}, {"__proto__": "x", "constructor": "y", "toString": "z", "10": "ten", "9": "nine"}, {"esc": "\\ufffd \\\\ud800 \\u003c"}}
	var cases []Case
	for _, r := range refs {
		for _, a := range anns {
			p := Payload{Optional: a}
			p.Critical.Identity.DockerReference = r
			p.Critical.Image.DockerManifestDigest = "sha256:" + strings.Repeat("0123456789abcdef", 4)
			p.Critical.Type = "cosign container image signature"
			b, _ := json.Marshal(p)
			cases = append(cases, Case{r, a, string(b)})
			if r != refs[0] {
				break
			}
		}
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", " ")
	e.Encode(cases)
}
