package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	yamlparser "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

const (
	defaultConfigFile = "config.yaml"
	envPrefix         = "BOOKING_"
	fileSuffix        = "_file" // of a variable that names the file with a secret
)

// serviceLinks are variables that Kubernetes and Docker set for a service that is called "booking".
var serviceLinks = regexp.MustCompile(`^BOOKING_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)`)

// Load layers the file, the environment and the flags, in this order, over DefaultConfig, and validates. path "" is
// config.yaml, if there is one. The error names all problems together; with one the Config is not to be used.
func Load(path string, flags *pflag.FlagSet) (Config, error) {
	return load(path, os.Environ(), flags)
}

// AddConfigFlags gives the set a flag for each setting that one word can hold, or words with commas between, named by its path, such as --http.addr; of
// secrets there are none, since others can read a command line. Those not in the help work too.
func AddConfigFlags(flags *pflag.FlagSet) {
	cfg := DefaultConfig()
	inHelp := map[string]bool{"roles": true, "http.addr": true, "admin.addr": true, "data_dir": true, "log.level": true, "sandbox.url": true}
	for _, s := range settings(&cfg) {
		_, words := s.value.Interface().([]string)
		if s.isSecret() || s.value.Kind() == reflect.Slice && !words {
			continue
		}
		flags.String(s.path, "", fmt.Sprintf("overrides %s (default %v)", envName(s.path), s.value.Interface()))
		if !inHelp[s.path] {
			_ = flags.MarkHidden(s.path) // it was added just now
		}
	}
}

func load(path string, environ []string, flags *pflag.FlagSet) (Config, error) {
	cfg := DefaultConfig()
	l := loading{known: map[string]setting{}}
	for _, s := range settings(&cfg) {
		l.known[s.path] = s
	}
	l.readFile(path)
	l.readEnvironment(environ)
	l.readFlags(flags)
	return cfg, errors.Join(append(l.problems, cfg.Validate())...)
}

// setting is one key of the configuration and the field that holds its value.
type setting struct {
	path  string // koanf's, with dots
	value reflect.Value
}

func (s setting) isSecret() bool { return s.value.Type() == reflect.TypeFor[Secret]() }

// settings lists the fields of cfg in their order.
func settings(cfg *Config) []setting { return settingsBelow("", reflect.ValueOf(cfg).Elem()) }

func settingsBelow(path string, section reflect.Value) []setting {
	var all []setting
	for i := range section.NumField() {
		s := setting{path: path + section.Type().Field(i).Tag.Get("koanf"), value: section.Field(i)}
		if s.value.Kind() == reflect.Struct {
			all = append(all, settingsBelow(s.path+".", s.value)...)
		} else {
			all = append(all, s)
		}
	}
	return all
}

// loading is one run of load.
type loading struct {
	known    map[string]setting
	problems []error
}

func (l *loading) problem(source, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf(source+": "+format, args...))
}

func (l *loading) readFile(path string) {
	optional := path == ""
	if optional {
		path = defaultConfigFile
	}
	k := koanf.New(".")
	err := k.Load(file.Provider(path), yamlparser.Parser())
	switch {
	case optional && errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		l.problem(path, "%w", err)
		return
	}
	for _, key := range k.Keys() {
		raw, source := k.Get(key), path+": "+key
		switch s, known := l.known[key]; {
		case known:
			l.set(s, source, raw)
		case !l.isSection(key):
			l.problem(source, "there is no such key")
		case raw != nil && !reflect.DeepEqual(raw, map[string]any{}):
			l.problem(source, "is a section: its keys stand below it, indented")
		}
	}
}

func (l *loading) readEnvironment(environ []string) {
	k := koanf.New(".")
	provider := env.Provider("", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if serviceLinks.MatchString(name) {
				return "", nil
			}
			return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, envPrefix), "__", ".")), value
		},
	})
	if err := k.Load(provider, nil); err != nil {
		l.problem("environment", "%w", err)
	}
	for _, key := range k.Keys() {
		source, raw := envName(key), k.String(key)
		s, known := l.known[key]
		if known {
			l.set(s, source, raw)
			continue
		}
		s, known = l.known[strings.TrimSuffix(key, fileSuffix)]
		switch {
		case !known || !s.isSecret():
			l.problem(source, "there is no such setting")
		case k.Exists(s.path):
			l.problem(source, "%s is set too: use one of them", envName(s.path))
		default:
			l.readSecret(s, source, raw)
		}
	}
}

func (l *loading) readSecret(s setting, source, path string) {
	err := notForEverybody(path)
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		l.problem(source, "%w", err)
		return
	}
	l.set(s, source, strings.TrimRight(string(text), "\r\n"))
}

func (l *loading) readFlags(flags *pflag.FlagSet) {
	if flags == nil {
		return
	}
	k := koanf.New(".")
	provider := posflag.ProviderWithValue(flags, "", nil, func(name, value string) (string, any) {
		if _, known := l.known[name]; !known {
			return "", nil // a flag of the command, not a setting
		}
		return name, value
	})
	if err := k.Load(provider, nil); err != nil {
		l.problem("flags", "%w", err)
	}
	for _, key := range k.Keys() {
		l.set(l.known[key], "--"+key, k.Get(key))
	}
}

func (l *loading) isSection(key string) bool {
	for path := range l.known {
		if strings.HasPrefix(path, key+".") {
			return true
		}
	}
	return false
}

// set gives the field the value, which is what YAML made of it, or a string. Its errors hold no value: it may be a secret.
func (l *loading) set(s setting, source string, raw any) {
	if raw == nil {
		l.problem(source, "has no value")
		return
	}
	if err := assign(s.value, raw); err != nil {
		l.problem(source, "%w", err)
	}
}

func assign(to reflect.Value, raw any) error {
	text, isText := raw.(string)
	scalar := fmt.Sprint(raw)
	switch field := to.Addr().Interface().(type) {
	case *time.Duration:
		d, err := time.ParseDuration(scalar)
		if err != nil {
			return errors.New("want a time with its unit, such as 500ms, 15s or 10m")
		}
		*field = d
	case *string, *Secret:
		if !isText {
			return errors.New("want text: put it in quotes")
		}
		to.SetString(text)
	case *int:
		n, err := strconv.Atoi(scalar)
		if err != nil {
			return errors.New("want a whole number")
		}
		*field = n
	case *float64:
		f, err := strconv.ParseFloat(scalar, 64)
		if err != nil {
			return errors.New("want a number")
		}
		*field = f
	case *bool:
		yes, err := strconv.ParseBool(scalar)
		if err != nil {
			return errors.New("want true or false")
		}
		*field = yes
	default:
		return assignList(to, raw)
	}
	return nil
}

// assignList replaces the whole list. A string holds words between commas, or YAML.
func assignList(to reflect.Value, raw any) error {
	if text, isText := raw.(string); isText {
		if _, words := to.Interface().([]string); words && !strings.HasPrefix(text, "[") {
			text = "[" + text + "]"
		}
		if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
			return errors.New("want a list")
		}
	}
	written, err := yaml.Marshal(raw)
	if err != nil {
		return errors.New("want a list")
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(written)))
	decoder.KnownFields(true)
	list := reflect.New(to.Type())
	if err := decoder.Decode(list.Interface()); err != nil {
		return fmt.Errorf("want a list of %s", shapes[to.Type().Elem()])
	}
	to.Set(list.Elem())
	return nil
}

// shapes says what the elements of a list look like.
var shapes = map[reflect.Type]string{
	reflect.TypeFor[string](): "words",
	reflect.TypeFor[APIKey](): "{name, scope, role, hash}",

	reflect.TypeFor[WebhookEndpoint](): "{name, url, secrets, secrets_file, types, allow_private}",
}

// envName is the variable that sets the key.
func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "__"))
}
