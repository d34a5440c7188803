// Package manifests holds the manifests in examples/cluster against the types of Kubernetes and the schema of Compose:
// whether each key exists and has the right kind of value. No container is started.
package manifests

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const folder = "../../examples/cluster/"

func TestKubernetes(t *testing.T) {
	data, err := os.ReadFile(folder + "kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var deployment *appsv1.Deployment
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var kind struct{ Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		var object any
		switch kind.Kind {
		case "Deployment":
			deployment = new(appsv1.Deployment)
			object = deployment
		case "Service":
			object = new(corev1.Service)
		case "PodDisruptionBudget":
			object = new(policyv1.PodDisruptionBudget)
		default:
			t.Errorf("kind %q is not known here", kind.Kind)
			continue
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			t.Errorf("%s: %v", kind.Kind, err)
		}
		wrong := bytes.Replace(document, []byte("\nspec:\n"), []byte("\nspec:\n  replicants: 3\n"), 1)
		if yaml.UnmarshalStrict(wrong, object) == nil {
			t.Errorf("%s: a key that does not exist was not found", kind.Kind)
		}
	}
	if deployment == nil || *deployment.Spec.Replicas != 3 {
		t.Error("there are not three replicas")
	}
}

func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{folder + "compose.yaml"}, cli.WithEnv([]string{"POSTGRES_PASSWORD=x"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	servers := 0
	for _, s := range project.Services {
		if len(s.Command) > 1 && s.Command[0] == "serve" && strings.HasPrefix(s.Command[1], "postgres://") {
			servers++
		}
	}
	if servers != 3 {
		t.Errorf("%d servers, want three", servers)
	}
}
