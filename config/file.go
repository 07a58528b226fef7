package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// readFile takes the file apart, keeping every value as it is written (+15550100 stays a phone number, no stays a word),
// and finds what is unknown, written twice, or of the wrong kind. It returns nested maps of texts.
func (r *reading) readFile(text []byte) map[string]any {
	out := map[string]any{}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		r.yamlMistake(err)
		return out
	}
	if doc.Kind == 0 || len(doc.Content) == 0 {
		return out
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return out
	}
	if top.Kind != yaml.MappingNode {
		r.at(top.Line, "", "this is not a list of settings", `write lines such as "listen: 127.0.0.1:8080"`)
		return out
	}
	r.readMap(top, "", out)
	return out
}

// yamlLine finds the line in what the YAML reader says.
var yamlLine = regexp.MustCompile(`line (\d+)(?:, column \d+)?:? *`)

func (r *reading) yamlMistake(err error) {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := yamlLine.FindStringSubmatchIndex(message); m != nil {
		line, _ = strconv.Atoi(message[m[2]:m[3]])
		message = message[:m[0]] + message[m[1]:]
	}
	r.at(line, "", "this can't be read as YAML: "+message, "check the colons, the quotes, and that lines are set in with blanks, not tabs")
}

func (r *reading) readMap(node *yaml.Node, path string, out map[string]any) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := key.Value
		if path != "" {
			name = path + "." + key.Value
		}
		if value.Kind == yaml.AliasNode || value.Anchor != "" || key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			r.at(key.Line, name, "anchors and aliases (& and *) can't be used here", "write the value out, in quotes if it begins with & or *")
			continue
		}
		if _, twice := out[key.Value]; twice {
			r.at(key.Line, name, "is written twice", "keep one of the two")
			continue
		}
		setting, isLeaf, isGroup := find(name)
		switch {
		case isGroup && value.Kind == yaml.MappingNode:
			inner := map[string]any{}
			out[key.Value] = inner
			r.readMap(value, name, inner)
		case isGroup && value.Tag == "!!null":
		case isGroup:
			r.at(value.Line, name, "is a group of settings, not a setting", "write its settings below it, set in by two blanks")
		case !isLeaf:
			r.unknown(key.Line, name)
		default:
			if text, ok := r.readValue(setting, value); ok {
				out[key.Value] = text
				r.file[name] = written{key.Line, text}
			}
		}
	}
}

// readValue returns a setting's text; a list becomes one text with commas.
func (r *reading) readValue(s Setting, value *yaml.Node) (string, bool) {
	if s.Key == "store.keys" {
		r.at(value.Line, s.Key, "the keys may not be written here", "put them into "+EnvName(s.Key)+", or name a file in store.key_file")
		return "", false
	}
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
		return "", true
	case value.Kind == yaml.ScalarNode:
		return value.Value, true
	case value.Kind == yaml.SequenceNode && (s.List || s.Key == "town.desk_hours"):
		parts := make([]string, 0, len(value.Content))
		for _, v := range value.Content {
			if v.Kind != yaml.ScalarNode {
				r.at(v.Line, s.Key, "takes a list of plain values", "")
				return "", false
			}
			parts = append(parts, v.Value)
		}
		return strings.Join(parts, ", "), true
	case value.Kind == yaml.SequenceNode:
		r.at(value.Line, s.Key, "takes one value, not a list", "")
	default:
		r.at(value.Line, s.Key, "takes one value, nothing below it", "if the value holds \": \" or begins with a bracket, put it in quotes")
	}
	return "", false
}

func (r *reading) unknown(line int, name string) {
	var known []string
	for _, s := range Settings() {
		known = append(known, s.Key)
		for k := s.Key; strings.Contains(k, "."); {
			k = k[:strings.LastIndex(k, ".")]
			known = append(known, k)
		}
	}
	mend := "\"townline config\" lists what can be set"
	if near := Near(name, known); near != "" {
		mend = "did you mean " + near + "?"
	} else {
		last := name[strings.LastIndex(name, ".")+1:]
		for _, k := range known {
			if k == last || strings.HasSuffix(k, "."+last) {
				mend = "did you mean " + k + "?"
				break
			}
		}
	}
	r.at(line, name, "there is no such setting", mend)
}

func (r *reading) at(line int, key, message, mend string) {
	where := r.name
	if line > 0 {
		where = fmt.Sprintf("%s:%d", r.name, line)
	}
	r.mistakes = append(r.mistakes, Mistake{Where: where, Key: key, Message: message, Mend: mend})
}

// find tells settings from groups of them.
func find(name string) (s Setting, leaf, group bool) {
	for _, s := range Settings() {
		if s.Key == name {
			return s, true, false
		}
		if strings.HasPrefix(s.Key, name+".") {
			group = true
		}
	}
	return Setting{}, false, group
}
