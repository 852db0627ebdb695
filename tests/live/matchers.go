// Read matcher texts with Alertmanager's own parsers, in its default mode.
//
// Each line of standard input is a text as a JSON string. Each line of output is what the text
// means as a list of matchers (configuration files) and as one matcher (the API's filter=): a list
// of [name, operator, value], or null if Alertmanager refuses it.
package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"

	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
)

type reading struct {
	List [][3]string `json:"list"`
	One  [][3]string `json:"one"`
}

func main() {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	compat.InitFromFlags(quiet, featurecontrol.NoopFlags{})
	texts := json.NewDecoder(os.Stdin)
	readings := json.NewEncoder(os.Stdout)
	for {
		var text string
		if err := texts.Decode(&text); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		if err := readings.Encode(read(text)); err != nil {
			panic(err)
		}
	}
}

func read(text string) reading {
	var found reading
	if list, err := compat.Matchers(text, "test"); err == nil {
		found.List = triples(list...)
	}
	if one, err := compat.Matcher(text, "test"); err == nil {
		found.One = triples(one)
	}
	return found
}

func triples(matchers ...*labels.Matcher) [][3]string {
	found := [][3]string{}
	for _, each := range matchers {
		found = append(found, [3]string{each.Name, each.Type.String(), each.Value})
	}
	return found
}
