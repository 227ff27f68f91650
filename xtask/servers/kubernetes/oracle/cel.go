package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
)

// Kubernetes 1.34, and with the libraries of cel-go that Kubernetes leaves out.
var plain, extended = environments()

func environments() (*cel.Env, *cel.Env) {
	set, err := environment.MustBaseEnvSet(version.MajorMinor(1, 34), true).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.Variable("object", cel.DynType)},
	})
	must(err)
	plain, err := set.Env(environment.StoredExpressions)
	if err == nil {
		plain, err = plain.Extend()
	}
	must(err)
	more, err := plain.Extend(ext.Bindings(), ext.Math(), ext.Encoders(), ext.Strings(ext.StringsVersion(4)))
	if err != nil {
		more, err = plain.Extend(ext.Bindings(), ext.Math(), ext.Encoders())
	}
	must(err)
	return plain, more
}

func expression(source string, object any, result *answer) {
	defer func() {
		if reason := recover(); reason != nil {
			result.Failed = fmt.Sprint("panic: ", reason)
		}
	}()
	env := plain
	ast, issues := env.Compile(source)
	if issues.Err() != nil {
		refused := issues.Err().Error()
		env = extended
		if ast, issues = env.Compile(source); issues.Err() != nil {
			// Types that only a checker knows do not fit; what they would give is still worth knowing.
			result.Refused = refused
			if ast, issues = env.Parse(source); issues.Err() != nil {
				return
			}
		} else {
			result.Extended = true
		}
	}
	program, err := env.Program(ast)
	if err != nil {
		result.Refused = err.Error()
		return
	}
	value, _, err := program.Eval(map[string]any{"object": object})
	if err != nil {
		result.Failed = err.Error()
		return
	}
	made, err := toJSON(value)
	if err != nil {
		result.Failed = err.Error()
		return
	}
	result.Values = &[]any{made}
}

// The JSON form of protocol buffers, but for integers, which stay numbers, and map keys, which become texts.
func toJSON(value ref.Val) (any, error) {
	switch v := value.(type) {
	case types.Null:
		return nil, nil
	case types.Bool, types.String, types.Int, types.Uint:
		return v.Value(), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("no JSON: %v", v)
		}
		return float64(v), nil
	case types.Bytes:
		return base64.StdEncoding.EncodeToString(v), nil
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339Nano), nil
	case types.Duration:
		return strconv.FormatFloat(v.Duration.Seconds(), 'f', -1, 64) + "s", nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return toJSON(v.GetValue())
	case traits.Mapper:
		members := map[string]any{}
		for keys := v.Iterator(); keys.HasNext() == types.True; {
			key := keys.Next()
			member, err := toJSON(v.Get(key))
			if err != nil {
				return nil, err
			}
			members[fmt.Sprint(key.Value())] = member
		}
		return members, nil
	case traits.Lister:
		items := []any{}
		for each := v.Iterator(); each.HasNext() == types.True; {
			item, err := toJSON(each.Next())
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return items, nil
	}
	return nil, fmt.Errorf("no JSON: %s", value.Type().TypeName())
}
