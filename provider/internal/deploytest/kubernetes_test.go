package deploytest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// manifest is what these tests look at in Kubernetes' objects.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Annotations     map[string]string
	}
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Resources  []string
	Spec       struct {
		Replicas int
		Selector map[string]any
		Strategy struct {
			RollingUpdate struct {
				MaxUnavailable any `yaml:"maxUnavailable"`
			} `yaml:"rollingUpdate"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
		PodSelector map[string]any `yaml:"podSelector"`
		Ports       []struct {
			Name       string
			TargetPort string `yaml:"targetPort"`
		}
		Ingress []struct{ Ports []struct{ Port string } }
		Rules   []struct {
			Host string
			HTTP struct {
				Paths []struct {
					Path    string
					Backend struct {
						Service struct {
							Name string
							Port struct{ Name string }
						}
					}
				}
			}
		}
	}
}

type pod struct {
	Grace           int `yaml:"terminationGracePeriodSeconds"`
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
	} `yaml:"securityContext"`
	Containers []struct {
		Image   string
		EnvFrom []struct {
			ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
		} `yaml:"envFrom"`
		Env   []struct{ Name, Value string }
		Ports []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		Readiness probe `yaml:"readinessProbe"`
		Liveness  probe `yaml:"livenessProbe"`
		Startup   probe `yaml:"startupProbe"`
		Lifecycle struct {
			PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
		}
		SecurityContext struct {
			Escalation   *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnly     bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities struct{ Drop []string }
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name   string
		Secret struct {
			SecretName string `yaml:"secretName"`
		}
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// manifests is every object, by its kind: those that kustomization.yaml names, itself, and the secret that is an example.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	all := map[string]manifest{}
	add := func(file string) (m manifest) {
		decoder := yaml.NewDecoder(bytes.NewReader([]byte(read(t, "deploy/kubernetes/"+file))))
		if err := decoder.Decode(&m); err != nil {
			t.Fatalf("%s: %s", file, yaml.FormatError(err, false, true))
		}
		if err := decoder.Decode(&manifest{}); !errors.Is(err, io.EOF) {
			t.Errorf("%s has more than one object", file)
		}
		if _, twice := all[m.Kind]; twice || m.APIVersion == "" {
			t.Errorf("%s: %s %s", file, m.APIVersion, m.Kind)
		}
		all[m.Kind] = m
		return m
	}
	for _, file := range add("kustomization.yaml").Resources {
		add(file)
	}
	add("secret.example.yaml")
	return all
}

func TestKubernetesObjectsFitTogether(t *testing.T) {
	all := manifests(t)
	deployment := all["Deployment"].Spec
	container := deployment.Template.Spec.Containers[0]

	ports := map[string]bool{}
	for _, p := range container.Ports {
		ports[p.Name] = true
		if !slices.Contains(built(t).ports, strconv.Itoa(p.ContainerPort)) {
			t.Errorf("the image has no port %d", p.ContainerPort)
		}
	}
	services := map[string]bool{}
	for _, p := range all["Service"].Spec.Ports {
		if services[p.Name] = true; !ports[p.TargetPort] || p.TargetPort == "operator" {
			t.Errorf("the service leads to %s", p.TargetPort)
		}
	}
	for _, rule := range all["NetworkPolicy"].Spec.Ingress {
		for _, p := range rule.Ports {
			if !ports[p.Port] {
				t.Errorf("the network policy names the port %s", p.Port)
			}
		}
	}
	rule := all["Ingress"].Spec.Rules[0]
	if to := rule.HTTP.Paths[0].Backend.Service; to.Name != all["Service"].Metadata.Name || !services[to.Port.Name] || rule.HTTP.Paths[0].Path != "/" {
		t.Errorf("the ingress leads to %+v", to)
	}
	if issuer := all["ConfigMap"].Data["QRLOGIN_ISSUER"]; issuer != "https://"+rule.Host {
		t.Errorf("the issuer is %s and the ingress's host %s", issuer, rule.Host)
	}
	for kind, selector := range map[string]any{
		"Deployment": deployment.Selector["matchLabels"], "PodDisruptionBudget": all["PodDisruptionBudget"].Spec.Selector["matchLabels"],
		"Service": all["Service"].Spec.Selector, "NetworkPolicy": all["NetworkPolicy"].Spec.PodSelector["matchLabels"],
	} {
		labels, _ := selector.(map[string]any)
		if len(labels) == 0 {
			t.Errorf("%s selects nothing by name", kind)
		}
		for name, value := range labels {
			if deployment.Template.Metadata.Labels[name] != value {
				t.Errorf("%s selects %s=%v, which no pod has", kind, name, value)
			}
		}
	}
	if container.EnvFrom[0].ConfigMapRef.Name != all["ConfigMap"].Metadata.Name {
		t.Errorf("the settings are from %+v", container.EnvFrom)
	}
	names := slices.Collect(maps.Keys(all["ConfigMap"].Data))
	mount, secret := container.VolumeMounts[0], deployment.Template.Spec.Volumes[0]
	if mount.Name != secret.Name || secret.Secret.SecretName != all["Secret"].Metadata.Name {
		t.Errorf("%+v mounts %+v", mount, secret)
	}
	read := map[string]bool{}
	for _, set := range container.Env {
		names = append(names, set.Name)
		if file, is := strings.CutPrefix(set.Value, "file:"); is {
			key := path.Base(file)
			if _, known := all["Secret"].StringData[key]; !known || path.Dir(file) != mount.MountPath {
				t.Errorf("%s is in %s, where nothing is", set.Name, file)
			}
			read[key] = true
		}
	}
	for key, value := range all["Secret"].StringData {
		if !read[key] || value != "" {
			t.Errorf("the example of a secret has %s=%q", key, value)
		}
	}
	wantsSettings(t, "deploy/kubernetes", names)
}

// A node goes when another one is there, with the time that it needs, and is asked at the operator's port alone.
func TestKubernetesEndsNodesGently(t *testing.T) {
	all := manifests(t)
	deployment := all["Deployment"].Spec
	container := deployment.Template.Spec.Containers[0]
	if n := deployment.Strategy.RollingUpdate.MaxUnavailable; n != uint64(0) || deployment.Replicas != 3 {
		t.Errorf("%d nodes, of which an update takes %v away", deployment.Replicas, n)
	}
	if stop := deployment.Template.Spec.Grace - container.Lifecycle.PreStop.Sleep.Seconds; stop <= 10 {
		t.Errorf("a node has %d s to stop", stop)
	}
	for what, p := range map[string]struct {
		probe
		path string
	}{"ready": {container.Readiness, "/readyz"}, "alive": {container.Liveness, "/healthz"}, "started": {container.Startup, "/healthz"}} {
		if p.HTTPGet.Path != p.path || p.HTTPGet.Port != "operator" {
			t.Errorf("whether it is %s is asked at %+v", what, p.HTTPGet)
		}
	}
	if s := container.SecurityContext; s.Escalation == nil || *s.Escalation || !s.ReadOnly || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) ||
		!deployment.Template.Spec.SecurityContext.RunAsNonRoot {
		t.Errorf("it may do more than it needs: %+v", s)
	}
	annotations := all["Ingress"].Metadata.Annotations
	if wait, err := strconv.Atoi(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]); err != nil || wait < 40 {
		t.Errorf("the ingress waits for %d s, and a poll is silent for 25", wait)
	}
	if annotations["nginx.ingress.kubernetes.io/proxy-next-upstream"] != "error timeout" || annotations["nginx.ingress.kubernetes.io/proxy-body-size"] != "8m" {
		t.Errorf("the ingress is not as nginx: %v", annotations)
	}
}
